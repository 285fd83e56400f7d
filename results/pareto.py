"""The Pareto mask of any number of costs, and the knee of a front of two."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Heights above the chord that differ by less are a tie: the rest is rounding of the logarithm.
KNEE_DECIMALS = 9


def pareto_mask(costs: ArrayLike) -> NDArray[np.bool_]:
    """Which points no other point dominates; lower is better in every column.

    costs (N, D) with D >= 1. Returns bool (N,). A point dominates another when it is nowhere worse and somewhere
    better, so equal points do not dominate each other: all of them are on the front, or none is. A point with a NaN or
    an infinity is never on the front and dominates nothing.
    ValueError unless the shape is (N, D).
    """
    points = np.asarray(costs, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] == 0:
        raise ValueError(f"costs has shape {points.shape}, must be (points, objectives) with at least one objective.")
    mask: NDArray[np.bool_] = np.logical_and.reduce(np.isfinite(points), axis=1)
    # Adding zero turns -0.0 into 0.0, which np.unique might tell apart.
    distinct, which = np.unique(points[mask] + 0.0, axis=0, return_inverse=True)
    mask[mask] = _distinct_mask(distinct)[which.reshape(-1)]
    return mask


def pareto_ranks(costs: ArrayLike) -> NDArray[np.int64]:
    """The non-dominated rank of each point, from 0: that of the front, then of the front without these, and so on.

    costs (N, D) as for `pareto_mask`. Returns int (N,). A point with a NaN or an infinity comes after all others.
    """
    points = np.asarray(costs, dtype=np.float64)
    finite = np.logical_and.reduce(np.isfinite(points), axis=1)
    distinct, which = np.unique(points[finite] + 0.0, axis=0, return_inverse=True)
    rank_distinct = {1: _ranks_of_one, 2: _ranks_of_two, 3: _ranks_of_three}.get(points.shape[1], _ranks_of_many)
    ranks = np.zeros(len(points), dtype=np.int64)
    ranks[finite] = rank_distinct(distinct)[which.reshape(-1)]
    ranks[~finite] = ranks[finite].max(initial=-1) + 1
    return ranks


def _ranks_of_one(points: NDArray[np.float64]) -> NDArray[np.int64]:
    """Ranks of distinct points (N, 1) in rising order: each dominates all after it."""
    return np.arange(len(points), dtype=np.int64)


def _ranks_of_two(points: NDArray[np.float64]) -> NDArray[np.int64]:
    """Ranks of distinct points (N, 2) in lexicographic order: a point is dominated by a front with a y not above its.

    The least y of a front rises from rank to rank, so that the first front which doesn't is found by bisection.
    """
    ranks = np.empty(len(points), dtype=np.int64)
    least: list[float] = []
    for index, y in enumerate(points[:, 1].tolist()):
        rank = ranks[index] = bisect_right(least, y)
        least[rank : rank + 1] = [y]
    return ranks


def _ranks_of_three(points: NDArray[np.float64]) -> NDArray[np.int64]:
    """Ranks of distinct points (N, 3) in lexicographic order, as those of two: of each front the least z up to each y.

    What dominates a point by y and z came before it, and so does by x.
    """
    ranks = np.empty(len(points), dtype=np.int64)
    fronts: list[tuple[list[float], list[float]]] = []  # rising y and falling z
    for index, (y, z) in enumerate(points[:, 1:].tolist()):
        rank = ranks[index] = bisect_left(fronts, True, key=partial(_leaves_free, y, z))
        if rank == len(fronts):
            fronts.append(([], []))
        _join(y, z, fronts[rank])
    return ranks


def _leaves_free(y: float, z: float, front: tuple[list[float], list[float]]) -> bool:
    """Whether no point of the front has both a y and a z that are not above these."""
    ys, zs = front
    before = bisect_right(ys, y)
    return not before or zs[before - 1] > z


def _join(y: float, z: float, front: tuple[list[float], list[float]]) -> None:
    """Take a point into a front that leaves it free."""
    ys, zs = front
    start = end = bisect_left(ys, y)
    while end < len(ys) and zs[end] >= z:
        end += 1
    ys[start:end], zs[start:end] = [y], [z]


def _ranks_of_many(points: NDArray[np.float64]) -> NDArray[np.int64]:
    """Ranks of distinct points (N, D) in lexicographic order: one more than the highest of those that dominate it."""
    ranks = np.empty(len(points), dtype=np.int64)
    for index in range(len(points)):
        dominating = (points[:index] <= points[index]).all(axis=1)
        ranks[index] = ranks[:index][dominating].max(initial=-1) + 1
    return ranks


def _distinct_mask(points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The mask of distinct points (N, D) in lexicographic order, where only an earlier point can dominate a later."""
    count, objectives = points.shape
    mask = np.zeros(count, dtype=np.bool_)
    if objectives == 2:
        best_so_far = np.minimum.accumulate(points[:, 1])
        mask[:1] = True
        mask[1:] = points[1:, 1] < best_so_far[:-1]
        return mask
    if objectives == 3:
        return _distinct_mask_of_three(points)
    left = np.arange(count)
    while left.size:
        first, rest = left[0], left[1:]
        mask[first] = True
        left = rest[(points[rest] < points[first]).any(axis=1)]
    return mask


def _distinct_mask_of_three(points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The same for (N, 3), by one front as in `_ranks_of_three`: also where nearly all points are on it."""
    mask = np.zeros(len(points), dtype=np.bool_)
    front: tuple[list[float], list[float]] = ([], [])
    for index, (y, z) in enumerate(points[:, 1:].tolist()):
        mask[index] = _leaves_free(y, z, front)
        if mask[index]:
            _join(y, z, front)
    return mask


def knee(points: ArrayLike) -> int:
    """The index of the point where paying more stops being worth it.

    points (N, 2): a cost above 0, minimised, and an accuracy, maximised. Only points on their Pareto front count.
    Both axes are scaled to 0..1 between the two ends of the front, the cost on a log scale; the knee is the point
    farthest above the chord between the ends. Ties go to the lower cost, equal points to the earlier one. So where no
    inner point lies above the chord, and on a front of one or two points, the knee is the cheaper end.
    ValueError without a finite point or with a cost of zero or less on the front.
    """
    values = np.asarray(points, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != 2:
        raise ValueError(f"points has shape {values.shape}, must be (points, 2): a cost and an accuracy.")
    front: NDArray[Any] = np.flatnonzero(pareto_mask(values * [1.0, -1.0]))
    if not front.size:
        raise ValueError(f"No knee among {len(values)} points: at least one must have a finite cost and accuracy.")
    front = front[np.argsort(values[front, 0], kind="stable")]
    cost, accuracy = values[front].T
    if cost[0] <= 0:
        raise ValueError(f"The lowest cost on the front is {cost[0]:g}; a knee on a log scale needs costs above 0.")
    heights = _between_ends(accuracy) - _between_ends(np.log(cost))
    return int(front[np.argmax(np.round(heights, KNEE_DECIMALS))])


def _between_ends(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values (N,) scaled so that the first is 0 and the last 1; all zero where those two are equal."""
    span = values[-1] - values[0]
    return (values - values[0]) / span if span else np.zeros_like(values)
