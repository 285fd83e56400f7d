"""The linear model fitted to all scores of a run, for those who read its results.

A sampler takes the prior variances of greatest evidence. Standard errors at that maximum are too small: of the effects
of simulated searches, 60 scores each, 82 to 87 % lay within two of them. The fit averages over the prior variances:
about 91 %.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from search.controller.structured.accuracy_model import FIRST_FIT
from search.controller.structured.evidence import RATIOS, WIDE, Evidence
from search.controller.structured.linear_model import Posterior, Sums, posterior
from search.controller.structured.scaled_sums import ScaledSums
from search.controller.structured.scales import PLAIN

Array = NDArray[np.float64]

FEWEST_SCORES = FIRST_FIT
"""How many scores a fit needs."""
DRAWS, WARM_UP = 12, 2
"""How many draws of the prior variances are averaged, and how many before them are not used."""
PRIOR = 0.5 * np.log(RATIOS) - np.log1p(RATIOS)
"""Of each ratio, the logarithm of its density: half-Cauchy in a group's standard deviation over that of the noise, as
for the variances of hierarchical models (Gelman, Bayesian Analysis 1, 2006)."""


class Fit:
    """The posterior of the effects given rows (N, columns) and their scores (N,), on the scale of greater evidence.

    noise: the standard deviation of what the model leaves unexplained in a score. r2_left_out: the share of the scores'
    variance that it explains, each score predicted without itself (under prior variances given all of them); 0 where
    all scores are equal.
    """

    def __init__(self, rows: Array, scores: Sequence[float], group: NDArray[np.int64]) -> None:
        """group: (columns,), the number of each column's group, whose columns have one prior variance.

        ValueError for fewer than `FEWEST_SCORES` scores.
        """
        if len(scores) < FEWEST_SCORES:
            raise ValueError(f"A fit needs {FEWEST_SCORES} scores or more, got {len(scores)}.")
        on_scales = ScaledSums(rows.shape[1])
        for row, score in zip(rows, scores, strict=True):
            on_scales.add(row, score)
        self.scale, _ = on_scales.best(group, ())
        draws = _posteriors(on_scales.on(self.scale), group)
        means = np.array([one.mean() for one in draws])
        variances = np.array([np.square(one.unit * one.noise) for one in draws])
        leverage = np.array([_leverage(one) for one in draws])
        self._offset, self._effects = draws[0].offset, means.mean(0)
        self._covariance = np.tensordot(variances, leverage, 1) / len(draws) + np.cov(means.T, bias=True)
        self.noise = float(np.sqrt(variances.mean()))
        self.r2_left_out = self._explained_left_out(rows, np.asarray(scores), _quadratic(leverage.mean(0), rows))

    def accuracies(self, rows: Array) -> Array:
        """The expected accuracy (N,) of each row (N, columns); on the logarithm it is the median, 0 or more."""
        found = self.scale.to_accuracies(self._numbers(rows))
        return found if self.scale is PLAIN else np.maximum(found, 0.0)

    def errors(self, rows: Array) -> Array:
        """The standard deviation (N,) of the posterior of these accuracies, without the noise of a score.

        On the logarithm it is half the distance between a standard deviation below and above.
        """
        numbers, sd = self._numbers(rows), np.sqrt(_quadratic(self._covariance, rows))
        return np.asarray((self.scale.to_accuracies(numbers + sd) - self.scale.to_accuracies(numbers - sd)) / 2.0)

    def changes(self, combinations: Array, bases: Array) -> tuple[Array, Array]:
        """What sums of effects (N, columns) change in the accuracies of the rows `bases` (N, columns), and the errors.

        On the accuracy's own scale a change is the same at every row, and so is its standard error. On the logarithm
        the error is that of the difference to first order, of which what is unknown of the base is a part.
        """
        before = self._numbers(bases)
        after = before + combinations @ self._effects
        changes = self.scale.to_accuracies(after) - self.scale.to_accuracies(before)
        gradients = self._slopes(after) * (bases + combinations) - self._slopes(before) * bases
        return np.asarray(changes), np.sqrt(_quadratic(self._covariance, gradients))

    def _slopes(self, numbers: Array) -> Array:
        """The slopes (N, 1) of the accuracy over the scale."""
        return np.array([1.0 / self.scale.slope(float(one)) for one in self.scale.to_accuracies(numbers)])[:, None]

    def _numbers(self, rows: Array) -> Array:
        return np.asarray(self._offset + rows @ self._effects)

    def _explained_left_out(self, rows: Array, scores: Array, leverages: Array) -> float:
        """A score that is left out deviates more: by one over one minus its own weight in its expectation."""
        total = np.square(scores - scores.mean()).sum()
        if not total:
            return 0.0
        numbers = np.array([self.scale.of(score) for score in scores])
        weights = leverages * [self.scale.counts(score) for score in scores]
        left_out = numbers - (numbers - self._numbers(rows)) / (1.0 - weights)
        return float(1.0 - np.square(scores - self.scale.to_accuracies(left_out)).sum() / total)


def _posteriors(sums: Sums, group: NDArray[np.int64]) -> list[Posterior]:
    """Posteriors of the effects, each given a draw of the prior variances from theirs, by Gibbs sampling."""
    rng, evidence = np.random.default_rng(0), Evidence(sums, group)
    chosen = np.ones(group.max() + 1)
    chosen[0] = WIDE
    draws = []
    for sweep in range(WARM_UP + DRAWS):
        for at in np.unique(group)[1:]:
            tried = np.repeat(chosen[None], len(RATIOS), axis=0)
            tried[:, at] = RATIOS
            chances = evidence.log(tried) + PRIOR
            chances = np.exp(chances - chances.max())
            chosen = tried[rng.choice(len(RATIOS), p=chances / chances.sum())]
        if sweep >= WARM_UP:
            draws.append(posterior(sums, chosen[group]))
    return draws


def _leverage(one: Posterior) -> Array:
    """The covariance (columns, columns) of the effects, in units of the noise's variance."""
    along = np.linalg.solve(one.half, np.diag(one.spread))
    return np.asarray(along.T @ along)


def _quadratic(matrix: Array, rows: Array) -> Array:
    """row' matrix row of each of the rows (N, columns)."""
    return np.asarray(((rows @ matrix) * rows).sum(1))
