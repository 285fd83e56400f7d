"""The hypervolume of a front that grows point by point, at a small cost for each."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from results.pareto import pareto_mask


class Staircase:
    """The front of two objectives, lower is better, and the area between it and its corner (right, top)."""

    def __init__(self, right: float = 1.0, top: float = 1.0) -> None:
        self._right, self._top = right, top
        self._xs: list[float] = []
        self._ys: list[float] = []
        self.volume = 0.0

    @property
    def size(self) -> int:
        """How many points no other one beats."""
        return len(self._xs)

    def add(self, x: float, y: float) -> None:
        """Take in a point. One that is not below the corner in both adds nothing."""
        before = bisect_right(self._xs, x)
        height = self._ys[before - 1] if before else self._top
        if x >= self._right or y >= height:
            return
        start = end = bisect_left(self._xs, x)
        while end < len(self._xs) and self._ys[end] >= y:
            end += 1
        left, height = x, self._ys[start - 1] if start else self._top
        for i in range(start, end):
            self.volume += (self._xs[i] - left) * (height - y)
            left, height = self._xs[i], self._ys[i]
        right = self._xs[end] if end < len(self._xs) else self._right
        self.volume += (right - left) * (height - y)
        self._xs[start:end] = [x]
        self._ys[start:end] = [y]


class GrowingFront:
    """The front of two or three objectives, lower is better, and its hypervolume.

    The volume lies between the front and the corner. By default that is (1, 1), or (1, 1, 1): within the unit box 0 is
    nothing, 1 is a front that reaches the origin. A point takes some ten microseconds; with three objectives, one that
    joins a front of hundreds takes some hundred.
    """

    def __init__(self, objectives: int = 2, corner: Sequence[float] | None = None) -> None:
        """objectives: two or three. corner: as many numbers, finite."""
        self._corner = np.ones(objectives) if corner is None else np.array(corner, dtype=np.float64)
        self._front = np.empty((0, len(self._corner)))
        self._staircase = Staircase(*self._corner[:2].tolist())
        self.volume = 0.0

    @property
    def size(self) -> int:
        """How many distinct points no other one beats."""
        return len(self._front)

    def add(self, point: Sequence[float]) -> None:
        """Take in a point, finite."""
        new, front = np.array(point, dtype=np.float64), self._front
        if (front <= new).all(axis=1).any():
            return
        if len(new) == 2:
            self._staircase.add(*new.tolist())
            self.volume = self._staircase.volume
        elif (new < self._corner).all():
            self.volume += _gain(front, new, self._corner)
        self._front = np.vstack([front[(front < new).any(axis=1)], new])


def _gain(front: NDArray[np.float64], new: NDArray[np.float64], corner: NDArray[np.float64]) -> float:
    """The volume from `new` (3,) to the corner (3,) that no point of the front (N, 3) has: slab by slab along z."""
    others = np.maximum(front[(front < corner).all(axis=1)], new)
    right, top, end = corner.tolist()
    below = others[:, 2] <= new[2]
    lowest = others[below][pareto_mask(others[below, :2])]
    higher = others[~below]
    points = np.vstack([lowest, higher[np.argsort(higher[:, 2], kind="stable")]])
    total, staircase, z = 0.0, Staircase(right, top), float(new[2])
    area = float((right - new[0]) * (top - new[1]))
    for x, y, height in points.tolist():
        total += (height - z) * (area - staircase.volume)
        z = height
        staircase.add(x, y)
        if x <= new[0] and y <= new[1]:  # from here up a point of the front has it all
            return total
    return total + (end - z) * (area - staircase.volume)
