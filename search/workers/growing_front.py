"""The hypervolume of a front that grows point by point, at a small cost for each."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from results.pareto import pareto_mask


class Staircase:
    """The front of two objectives in the unit square, lower is better, and the area between it and (1, 1)."""

    def __init__(self) -> None:
        self._xs: list[float] = []
        self._ys: list[float] = []
        self.volume = 0.0

    @property
    def size(self) -> int:
        """How many points no other one beats."""
        return len(self._xs)

    def add(self, x: float, y: float) -> None:
        """Take in a point. One that is not below 1 in both adds nothing."""
        before = bisect_right(self._xs, x)
        height = self._ys[before - 1] if before else 1.0
        if x >= 1.0 or y >= height:
            return
        start = end = bisect_left(self._xs, x)
        while end < len(self._xs) and self._ys[end] >= y:
            end += 1
        left, height = x, self._ys[start - 1] if start else 1.0
        for i in range(start, end):
            self.volume += (self._xs[i] - left) * (height - y)
            left, height = self._xs[i], self._ys[i]
        right = self._xs[end] if end < len(self._xs) else 1.0
        self.volume += (right - left) * (height - y)
        self._xs[start:end] = [x]
        self._ys[start:end] = [y]


class GrowingFront:
    """The front of two or three objectives, lower is better, and its hypervolume.

    The volume lies between the front and (1, 1), or (1, 1, 1), within the unit box: 0 is nothing, 1 is a front that
    reaches the origin. A point takes some ten microseconds; with three objectives, one that joins a front of hundreds
    takes some hundred.
    """

    def __init__(self) -> None:
        self._front = np.empty((0, 0))
        self._staircase = Staircase()
        self.volume = 0.0

    @property
    def size(self) -> int:
        """How many distinct points no other one beats."""
        return len(self._front)

    def add(self, point: Sequence[float]) -> None:
        """Take in a point: (2,) or (3,), finite."""
        new = np.array(point, dtype=np.float64)
        front = self._front.reshape(-1, len(new))
        if (front <= new).all(axis=1).any():
            return
        if len(new) == 2:
            self._staircase.add(*new.tolist())
            self.volume = self._staircase.volume
        elif (new < 1.0).all():
            self.volume += _gain(front, new)
        self._front = np.vstack([front[(front < new).any(axis=1)], new])


def _gain(front: NDArray[np.float64], new: NDArray[np.float64]) -> float:
    """The volume above `new` (3,) that no point of the front (N, 3) has above it: slab by slab along the third axis."""
    others = np.maximum(front[(front < 1.0).all(axis=1)], new)
    below = others[:, 2] <= new[2]
    lowest = others[below][pareto_mask(others[below, :2])]
    higher = others[~below]
    points = np.vstack([lowest, higher[np.argsort(higher[:, 2], kind="stable")]])
    total, staircase, z = 0.0, Staircase(), float(new[2])
    area = float((1.0 - new[0]) * (1.0 - new[1]))
    for x, y, height in points.tolist():
        total += (height - z) * (area - staircase.volume)
        z = height
        staircase.add(x, y)
        if x <= new[0] and y <= new[1]:  # from here up a point of the front has it all
            return total
    return total + (1.0 - z) * (area - staircase.volume)
