"""Statistics of small samples: agreement of orders, intervals by bootstrap, paired differences."""

from __future__ import annotations

import itertools
import math
import operator
import statistics
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

ROUNDS = 2000
"""Samples of a bootstrap."""


def kendall_tau_b(x: ArrayLike, y: ArrayLike, compared: NDArray[np.bool_] | None = None) -> float:
    """Agreement of two orders in -1..1, ties counted as in Kendall (1945); NaN where either is all ties.

    x, y (N,): finite. compared (N, N), symmetric: the pairs that count; all, where it is None.
    """
    a, b = (np.sign(np.subtract.outer(values, values)) for values in map(_floats, (x, y)))
    if compared is not None:
        a, b = a * compared, b * compared
    untied = math.sqrt(float((a * a).sum()) * float((b * b).sum()))
    return float((a * b).sum()) / untied if untied else math.nan


def spearman(x: ArrayLike, y: ArrayLike) -> float:
    """The correlation of ranks in -1..1, equal values sharing the mean of their ranks; NaN where either is all ties."""
    a, b = (ranks(values) - (len(ranks(values)) + 1) / 2 for values in (x, y))
    spread = math.sqrt(float((a * a).sum()) * float((b * b).sum()))
    return float((a * b).sum()) / spread if spread else math.nan


def ranks(values: ArrayLike) -> NDArray[np.float64]:
    """The ranks from 1 (N,); equal values share the mean of theirs."""
    numbers = _floats(values)
    below = (numbers[None, :] < numbers[:, None]).sum(axis=1)
    equal = (numbers[None, :] == numbers[:, None]).sum(axis=1)
    return np.asarray(below + (equal + 1) / 2, dtype=np.float64)


def bootstrap(
    figure: Callable[[NDArray[np.intp]], float], count: int, rounds: int | None = None, seed: int = 0
) -> tuple[float, float]:
    """The 95 % percentile interval of `figure`, which takes indices of `count` things, drawn with replacement.

    rounds: `ROUNDS` where it is None. NaNs are dropped; (NaN, NaN) where there is nothing else.
    """
    rng = np.random.default_rng(seed)
    drawn = [figure(rng.integers(0, count, count)) for _ in range(rounds or ROUNDS)] if count else []
    values = sorted(one for one in drawn if not math.isnan(one))
    if not values:
        return math.nan, math.nan
    return values[int(0.025 * len(values))], values[int(0.975 * len(values))]


def paired_interval(differences: Sequence[float]) -> tuple[float, float]:
    """Mean and half-width of the 95 % interval of paired differences (Student's t); a single pair has NaN for it."""
    mean, count = statistics.mean(differences), len(differences)
    if count < 2:
        return mean, math.nan
    return mean, student_t_quantile(count - 1) * statistics.stdev(differences) / math.sqrt(count)


def student_t_quantile(freedom: int) -> float:
    """The 97.5 % quantile of Student's t with this many degrees of freedom, 1 or more.

    Bisection over the angle atan(t / sqrt(freedom)), because over it the probability of -t..t is a finite sum.
    """
    low, high = 0.0, math.pi / 2
    for _ in range(60):  # halvings of the angle, until a float can't tell its ends apart
        middle = (low + high) / 2
        low, high = (middle, high) if _probability_within(middle, freedom) < 0.95 else (low, middle)
    return math.sqrt(freedom) * math.tan(low)


def _probability_within(angle: float, freedom: int) -> float:
    """Of -t..t, where t is tan(angle) * sqrt(freedom) (Abramowitz and Stegun, 26.7.3 and 26.7.4)."""
    odd = freedom % 2
    term, total = math.sin(angle) * math.cos(angle) ** odd, 0.0
    for factor in range(1 + odd, freedom, 2):
        total += term
        term *= math.cos(angle) ** 2 * factor / (factor + 1)
    return (angle + total) * 2 / math.pi if odd else total


def points_text(differences: Sequence[float]) -> str:
    """The interval in points, such as '+2.0 ± 0.7'; without ± for a single pair."""
    mean, half = paired_interval(differences)
    return f"{100 * mean:+.1f}" if math.isnan(half) else f"{100 * mean:+.1f} ± {100 * half:.1f}"


def sign_flip_p(differences: Sequence[float]) -> float:
    """One-sided p of paired differences being above 0, by Fisher's exact test ("The Design of Experiments", 1935).

    It is the share, among all ways to sign the differences, of those whose sum is at least as large. It assumes only
    that each sign would be equally likely if the two things compared were alike. With n pairs it is at least 1 / 2^n.
    It takes 2^n sums, so use it for up to about 20 pairs.
    """
    signs = itertools.product((1, -1), repeat=len(differences))
    sums = [sum(map(operator.mul, one, differences)) for one in signs]
    return sum(one >= sums[0] - 1e-12 for one in sums) / len(sums)


def _floats(values: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(values, dtype=np.float64)
