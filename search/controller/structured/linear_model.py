"""Bayesian linear regression in closed form; its prior variances are those of the greatest evidence.

y = x'w + e with e ~ N(0, s^2) and w_i ~ N(0, r_i s^2): the ratios r are one number for each group of columns. Given the
ratios, the evidence has the noise s integrated out. All of it needs X'X, X'y and y'y alone, never the observations.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

RATIOS = 10.0 ** np.arange(-2, 6)
"""What a group's ratio may be."""
WIDE = 1e6
"""The ratio of the intercept, which is the first group: as good as no prior."""
SWEEPS = 2
"""How often the ratios are chosen, one group after another."""
PRIOR_COUNT, PRIOR_NOISE = 1.0, 0.02
"""The prior of the noise: as if so many scores had been off by this many standard deviations of all scores."""
BLOCK = 48
"""Columns that are solved for together."""


class Sums:
    """X'X, X'y and y'y of the observations added so far, in their order. The first column of X must be 1."""

    def __init__(self, columns: int) -> None:
        self.count = 0
        self.xx = np.zeros((columns, columns))
        self.xy = np.zeros(columns)
        self.yy = 0.0

    def add(self, row: Array, value: float) -> None:
        used = np.flatnonzero(row)
        self.xx[np.ix_(used, used)] += np.outer(row[used], row[used])
        self.xy[used] += row[used] * value
        self.yy += value * value
        self.count += 1

    def copy(self) -> "Sums":
        other = Sums(0)
        other.count, other.xx, other.xy, other.yy = self.count, self.xx.copy(), self.xy.copy(), self.yy
        return other

    def scaled(self) -> tuple[Array, float, float, float]:
        """X'y and y'y of (y - mean) / unit, then the mean and the unit, which is the standard deviation or else 1."""
        mean = self.xy[0] / self.count
        variance = self.yy / self.count - mean * mean
        unit = float(np.sqrt(variance)) if variance > 1e-12 * (1.0 + mean * mean) else 1.0
        yy = max(self.yy - self.count * mean * mean, 0.0) / unit**2
        return (self.xy - mean * self.xx[0]) / unit, yy, float(mean), unit


@dataclass(frozen=True)
class Posterior:
    """The distribution of the effects: unit * spread * N(m, noise^2 A^-1), where A = half half' and half' m = target.

    A value is offset + row @ effects.
    """

    half: Array
    target: Array
    spread: Array
    noise: float
    offset: float
    unit: float

    def mean(self) -> Array:
        """The expected effects (columns,)."""
        return self._effects(self.target)

    def draw(self, rng: np.random.Generator) -> Array:
        """Effects (columns,) drawn at random."""
        return self._effects(self.target + self.noise * rng.standard_normal(len(self.target)))

    def predict(self, row: Array) -> tuple[float, float]:
        """Mean and standard deviation of the score, its noise included, of a candidate with this row."""
        along = _solve_lower(self.half, self.spread * row)
        mean = self.offset + self.unit * float(along @ self.target)
        return mean, self.unit * self.noise * float(np.sqrt(1.0 + along @ along))

    def _effects(self, target: Array) -> Array:
        return np.asarray(self.unit * self.spread * _solve_transposed(self.half, target))


def posterior(sums: Sums, ratios: Array) -> Posterior:
    """The posterior with the prior variances `ratios` (columns,), relative to the noise's, which is estimated."""
    _, _, offset, unit = sums.scaled()
    half = _half(sums, ratios[None])[0]
    noise = half[-1, -1] / np.sqrt(sums.count + PRIOR_COUNT)
    return Posterior(half[:-1, :-1], half[-1, :-1], np.sqrt(ratios), float(noise), offset, unit)


def best_ratios(sums: Sums, group: NDArray[np.int64], optional: Collection[int] = ()) -> Array:
    """The ratio of each column (columns,) by the greatest evidence.

    group: (columns,), the number of each column's group, from 0 for the intercept. optional: the groups that may have
    the ratio 0, which leaves their columns out.
    """
    chosen = np.ones(group.max() + 1)
    chosen[0] = WIDE
    for _ in range(SWEEPS):
        for at in np.unique(group)[1:]:
            ratios = np.append(0.0, RATIOS) if at in optional else RATIOS
            tried = np.repeat(chosen[None], len(ratios), axis=0)
            tried[:, at] = ratios
            chosen = tried[int(np.argmax(log_evidence(sums, tried[:, group])))]
    return np.asarray(chosen[group])


def log_evidence(sums: Sums, ratios: Array) -> Array:
    """The logarithm of the density of the scaled values under each row of `ratios` (N, columns), but for a constant."""
    diagonal = np.log(np.diagonal(_half(sums, ratios), axis1=1, axis2=2))
    return np.asarray(-diagonal[:, :-1].sum(1) - (sums.count + PRIOR_COUNT) * diagonal[:, -1])


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


def _half(sums: Sums, ratios: Array) -> Array:
    """The Cholesky factors (N, columns + 1, columns + 1) of [[A, b], [b', y'y + prior]].

    A = S X'X S + 1 and b = S X'y, where S has the square roots of the ratios. Without its last row, a factor is that of
    A. Its last row is A's factor solved for b, and then the square root of what the model leaves of y'y + prior.
    """
    xy, yy, _, _ = sums.scaled()
    columns = len(xy)
    spread = np.sqrt(ratios)
    joint = np.empty((len(ratios), columns + 1, columns + 1))
    joint[:, :-1, :-1] = sums.xx * spread[:, :, None] * spread[:, None, :]
    joint[:, range(columns), range(columns)] += 1.0
    joint[:, :-1, -1] = joint[:, -1, :-1] = spread * xy
    joint[:, -1, -1] = yy + PRIOR_COUNT * PRIOR_NOISE**2
    return np.asarray(np.linalg.cholesky(joint))
