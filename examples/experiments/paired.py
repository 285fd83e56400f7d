"""Statistics of paired experiments: intervals, exact p, agreement of orders, bootstrap."""

import itertools
import math
import operator
import random
import statistics
from collections.abc import Callable, Sequence

STUDENT_T = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}
"""The 97.5 % quantile of Student's t, by the number of pairs."""


def interval(differences: Sequence[float]) -> str:
    """Mean and half-width of the 95 % interval of paired differences, in points; a single pair has none."""
    mean = 100 * statistics.mean(differences)
    if len(differences) < 2:
        return f"{mean:+.1f}"
    half = 100 * STUDENT_T[len(differences)] * statistics.stdev(differences) / math.sqrt(len(differences))
    return f"{mean:+.1f} ± {half:.1f}"


def sign_flip_p(differences: Sequence[float]) -> float:
    """One-sided p of paired differences being above 0, by Fisher's exact test ("The Design of Experiments", 1935).

    It is the share, among all ways to sign the differences, of those whose sum is at least as large. It assumes only
    that each sign would be equally likely if the two things compared were alike. With n pairs it is at least 1 / 2^n.
    It takes 2^n sums, so use it for up to about 20 pairs.
    """
    signs = itertools.product((1, -1), repeat=len(differences))
    sums = [sum(map(operator.mul, one, differences)) for one in signs]
    return sum(one >= sums[0] - 1e-12 for one in sums) / len(sums)


def kendall_tau_b(x: Sequence[float], y: Sequence[float]) -> float:
    """Agreement of two orders in -1..1, ties counted as in Kendall (1945); NaN where either is all ties."""
    pairs = [(a, b) for a in range(len(x)) for b in range(a)]
    signs = [(_sign(x[a] - x[b]), _sign(y[a] - y[b])) for a, b in pairs]
    untied = math.sqrt(sum(s * s for s, _ in signs) * sum(t * t for _, t in signs))
    return sum(s * t for s, t in signs) / untied if untied else math.nan


def bootstrap(figure: Callable[[Sequence[int]], float], count: int, rounds: int = 5000) -> tuple[float, float]:
    """The 95 % percentile interval of `figure`, which takes indices of `count` things. NaNs are dropped."""
    rng = random.Random(0)
    drawn = (figure(rng.choices(range(count), k=count)) for _ in range(rounds))
    values = sorted(one for one in drawn if not math.isnan(one))
    return values[int(0.025 * len(values))], values[int(0.975 * len(values))]


def _sign(number: float) -> int:
    return (number > 0) - (number < 0)
