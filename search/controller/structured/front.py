"""The front found so far, in one cost and one accuracy, and what a candidate would add below it."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Front:
    """The best points (cost, accuracy) that were added, by rising cost and accuracy, and the least accuracy of all."""

    def __init__(self) -> None:
        self._points: list[tuple[float, float]] = []
        self.floor = np.inf

    def add(self, cost: float, accuracy: float) -> None:
        self.floor = min(self.floor, accuracy)
        if not any(other <= cost and better >= accuracy for other, better in self._points):
            kept = [(c, a) for c, a in self._points if c < cost or a > accuracy]
            self._points = sorted([*kept, (cost, accuracy)])

    def copy(self) -> "Front":
        other = Front()
        other._points, other.floor = list(self._points), self.floor
        return other

    def gains(self, costs: Array, accuracies: Array, dearest: float) -> Array:
        """The hypervolume (N,) that each of N points would add, up to the cost `dearest` and from the floor on."""
        steps = np.array([cost for cost, _ in self._points])
        heights = np.array([self.floor, *(accuracy for _, accuracy in self._points)])
        ends = np.append(steps, dearest)
        starts = np.append(-np.inf, steps)
        widths = np.maximum(ends - np.maximum(starts, costs[:, None]), 0.0)
        return np.asarray((widths * np.maximum(accuracies[:, None] - heights, 0.0)).sum(1))
