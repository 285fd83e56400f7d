"""Hypervolume of two or three objectives: how much of the space below a reference point a set of points dominates."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from results.pareto import pareto_mask


def hypervolume(costs: ArrayLike, reference: ArrayLike) -> float:
    """The exact volume that lies above some point and below the reference; lower is better in every column.

    costs (N, D) and reference (D,), D = 2 or 3; negate what is maximised, in both. The reference is never taken from
    the data: a volume is comparable between runs only under the same one. A point that is not better than the
    reference in every column adds nothing (so +inf is allowed); neither does a repeated or dominated one.
    ValueError for NaN or -inf in a point, for a reference that is not finite, for shapes that do not fit.
    """
    points = np.asarray(costs, dtype=np.float64)
    corner = np.asarray(reference, dtype=np.float64)
    if corner.shape not in ((2,), (3,)):
        raise ValueError(f"reference has shape {corner.shape}, must be (2,) or (3,): one number an objective.")
    if points.ndim != 2 or points.shape[1] != len(corner):
        raise ValueError(f"costs has shape {points.shape}, must be (points, {len(corner)}) like the reference.")
    if not np.isfinite(corner).all():
        raise ValueError(f"reference is {corner.tolist()}, every number in it must be finite.")
    if np.isnan(points).any() or np.isneginf(points).any():
        raise ValueError("costs has NaN or -inf in it: leave those points out first.")
    better = points[(points < corner).all(axis=1)]
    # Distinct points in one order: the sum below is then the same, bit for bit, for every order of the input.
    front = np.unique(better[pareto_mask(better)], axis=0)
    return float(_area(front, corner) if len(corner) == 2 else _volume(front, corner))


def _area(front: NDArray[np.float64], corner: NDArray[np.float64]) -> float:
    """The area of a staircase: front (N, 2) in rising x and falling y, each step as wide as the way to the next x."""
    widths = np.diff(front[:, 0], append=corner[0])
    return float(widths @ (corner[1] - front[:, 1]))


def _volume(front: NDArray[np.float64], corner: NDArray[np.float64]) -> float:
    """The volume of slabs along the third axis: from one point's z to the next, the area of all points up to there."""
    by_height = front[np.argsort(front[:, 2], kind="stable")]
    heights = np.diff(by_height[:, 2], append=corner[2])
    total = 0.0
    staircase = np.empty((0, 2))
    for point, height in zip(by_height[:, :2], heights, strict=True):
        staircase = np.unique(np.vstack([staircase, point]), axis=0)
        staircase = staircase[pareto_mask(staircase)]
        total += height * _area(staircase, corner[:2])
    return total
