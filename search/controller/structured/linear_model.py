"""Bayesian linear regression in closed form.

y = x'w + e with e ~ N(0, s^2) and w_i ~ N(0, r_i s^2), where `evidence` chooses the ratios r. All of it needs X'X, X'y
and y'y alone, never the observations. An observation whose noise has another variance, s^2 / c, counts c times: X and y
have its x and y times the root of c.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.controller.structured.scales import PLAIN, Scale

Array = NDArray[np.float64]

PRIOR_COUNT, PRIOR_NOISE = 1.0, 0.02
"""The prior of the noise: as if so many scores had been off by this many standard deviations of all scores."""
BLOCK = 48
"""Columns that are solved for together."""


class Sums:
    """X'X, X'y and y'y of the observations added so far, in their order. The first number of every row must be 1.

    rows, values: X and y themselves while they have no more rows than columns; empty from then on.
    """

    def __init__(self, columns: int) -> None:
        self.rows: list[Array] = []
        self.values: list[float] = []
        self.count = 0
        self.xx = np.zeros((columns, columns))
        self.xy = np.zeros(columns)
        self.yy = 0.0

    def add(self, row: Array, value: float, counts: float = 1.0) -> None:
        """An observation that counts so many times."""
        row, value = row * np.sqrt(counts), float(value * np.sqrt(counts))
        used = np.flatnonzero(row)
        self.xx[np.ix_(used, used)] += np.outer(row[used], row[used])
        self.xy[used] += row[used] * value
        self.yy += value * value
        self.count += 1
        if self.count > len(self.xy):
            self.rows, self.values = [], []
        else:
            self.rows.append(row)
            self.values.append(value)

    def copy(self) -> "Sums":
        other = Sums(0)
        other.count, other.xx, other.xy, other.yy = self.count, self.xx.copy(), self.xy.copy(), self.yy
        other.rows, other.values = self.rows.copy(), self.values.copy()
        return other

    def scaled(self) -> tuple[Array, float, float, float]:
        """X'y and y'y of (y - mean) / unit, then the mean and the unit, which is the standard deviation or else 1.

        All three by what the observations count.
        """
        counts = self.xx[0, 0]
        mean = self.xy[0] / counts
        deviations = self.yy - counts * mean * mean
        variance = deviations / self.count
        unit = float(np.sqrt(variance)) if variance > 1e-12 * (1.0 + mean * mean) else 1.0
        yy = max(deviations, 0.0) / unit**2
        return (self.xy - mean * self.xx[0]) / unit, yy, float(mean), unit


@dataclass(frozen=True)
class Posterior:
    """The distribution of the effects: unit * spread * N(m, noise^2 A^-1), where A = half half' and half' m = target.

    On its scale a value is offset + row @ effects. used: the columns that have an effect, of so many in all; the
    others have none, and stand in none of the arrays. deviation: of the values on the scale, by what they count.
    """

    columns: int
    used: NDArray[np.int64]
    half: Array
    target: Array
    spread: Array
    noise: float
    offset: float
    unit: float
    deviation: float
    scale: Scale = PLAIN

    def mean(self) -> Array:
        """The expected effects (columns,)."""
        return self._effects(self.target)

    def draw(self, rng: np.random.Generator, spread: float = 1.0) -> Array:
        """Effects (columns,) drawn at random, so many times as far from their means as they would be."""
        return self._effects(self.target + spread * self.noise * rng.standard_normal(self.columns)[self.used])

    def accuracies(self, sums: Array) -> Array:
        """The accuracies (N,) of candidates whose effects have these sums (N,)."""
        return self.scale.to_accuracies(self.offset + sums)

    def predict(self, row: Array) -> tuple[float, float]:
        """Median and standard deviation of the score, its noise included, of a candidate with this row.

        On another scale than the plain one the deviation of what the effects give is half the distance between the
        quantiles a standard deviation below and above. The noise has the same deviation on every scale, see `Scale`.
        """
        along = _solve_lower(self.half, self.spread * row[self.used])
        mean = self.unit * float(along @ self.target)
        noise = self.unit * self.noise
        sd = noise * float(np.sqrt(along @ along))
        low, median, high = self.accuracies(np.array([mean - sd, mean, mean + sd]))
        return float(median), math.hypot(float(high - low) / 2.0, noise)

    def _effects(self, target: Array) -> Array:
        effects = np.zeros(self.columns)
        effects[self.used] = self.unit * self.spread * _solve_transposed(self.half, target)
        return effects


def posterior(sums: Sums, ratios: Array) -> Posterior:
    """The posterior with the prior variances `ratios` (columns,), relative to the noise's, which is estimated."""
    _, _, offset, unit = sums.scaled()
    used = np.flatnonzero(ratios)
    half = joint_halves(sums, ratios[None], used)[0]
    noise = half[-1, -1] / np.sqrt(sums.count + PRIOR_COUNT)
    return Posterior(
        len(ratios),
        used,
        half[:-1, :-1],
        half[-1, :-1],
        np.sqrt(ratios[used]),
        float(noise),
        offset,
        unit,
        deviation=unit * float(np.sqrt(sums.count / sums.xx[0, 0])),
    )


def joint_halves(sums: Sums, ratios: Array, used: NDArray[np.int64]) -> Array:
    """The Cholesky factors (N, U + 1, U + 1) of [[A, b], [b', y'y + prior]], for each row of ratios (N, columns).

    A = S X'X S + 1 and b = S X'y, where S has the square roots of the ratios, all for the columns `used` (U,) alone.
    Without its last row, a factor is that of A. Its last row is A's factor solved for b, and then the square root of
    what the model leaves of y'y + prior.
    """
    xy, yy, _, _ = sums.scaled()
    columns = len(used)
    spread = np.sqrt(ratios[:, used])
    joint = np.empty((len(ratios), columns + 1, columns + 1))
    joint[:, :-1, :-1] = sums.xx[np.ix_(used, used)] * spread[:, :, None] * spread[:, None, :]
    joint[:, range(columns), range(columns)] += 1.0
    joint[:, :-1, -1] = joint[:, -1, :-1] = spread * xy[used]
    joint[:, -1, -1] = yy + PRIOR_COUNT * PRIOR_NOISE**2
    return np.asarray(np.linalg.cholesky(joint))


def _solve_lower(lower: Array, b: Array) -> Array:
    """x of lower x = b, where lower (D, D) is triangular: block by block, as numpy solves general systems alone."""
    x = b.copy()
    for start in range(0, len(b), BLOCK):
        own = slice(start, start + BLOCK)
        x[own] = np.linalg.solve(lower[own, own], x[own] - lower[own, :start] @ x[:start])
    return x


def _solve_transposed(lower: Array, b: Array) -> Array:
    """x of lower' x = b."""
    x = b.copy()
    for start in reversed(range(0, len(b), BLOCK)):
        own, rest = slice(start, start + BLOCK), slice(start + BLOCK, None)
        x[own] = np.linalg.solve(lower[own, own].T, x[own] - lower[rest, own].T @ x[rest])
    return x
