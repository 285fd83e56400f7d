"""What candidates would add to a front, in one cost and one accuracy."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Points = tuple[Array, Array]
"""Costs (N,) and accuracies (N,)."""


CHEAPEST = 1e-4
"""The share of the dearest cost below which no candidate counts as cheaper: of 0 there is no logarithm."""


def log_costs(costs: Array, dearest: float) -> Array:
    """The logarithm of each cost (N,) as a share of the dearest; 0 for each where that is 0 itself."""
    shares = costs / dearest if dearest > 0 else np.ones(len(costs))
    return np.asarray(np.log(np.maximum(shares, CHEAPEST)))


def added_volumes(known: Points, new: Points, dearest: float) -> Array:
    """The hypervolume that each of the new points alone would add to that of the known ones, of which there is one.

    Volume counts up to the cost `dearest`, and from the least known accuracy on.
    """
    # Of equal costs all but the best make steps of no width. With many equal ones a stable sort is the faster one.
    order = np.argsort(known[0], kind="stable")
    costs, accuracies = known[0][order], known[1][order]
    best = np.maximum.accumulate(accuracies)
    steps = np.append(True, best[1:] > best[:-1])
    starts = np.append(-np.inf, costs[steps])
    ends = np.append(costs[steps], dearest)
    heights = np.append(accuracies.min(), best[steps])
    widths = np.maximum(ends - np.maximum(starts, new[0][:, None]), 0.0)
    return np.asarray((widths * np.maximum(new[1][:, None] - heights, 0.0)).sum(1))
