"""The linear model fitted to all scores of a run, for those who read its results.

A sampler takes the prior variances of greatest evidence. Standard errors at that maximum are too small: of the effects
of simulated searches, 60 scores each, 82 to 87 % lay within two of them. The fit averages over the prior variances:
92 %.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from search.controller.structured.accuracy_model import FIRST_FIT
from search.controller.structured.evidence import RATIOS, WIDE, Evidence
from search.controller.structured.linear_model import Posterior, Sums, posterior

Array = NDArray[np.float64]

FEWEST_SCORES = FIRST_FIT
"""How many scores a fit needs."""
DRAWS, WARM_UP = 16, 2
"""How many draws of the prior variances are averaged, and how many before them are not used."""
PRIOR = 0.5 * np.log(RATIOS) - np.log1p(RATIOS)
"""Of each ratio, the logarithm of its density: half-Cauchy in a group's standard deviation over that of the noise, as
for the variances of hierarchical models (Gelman, Bayesian Analysis 1, 2006)."""


class Fit:
    """The posterior of the effects given rows (N, columns) and their scores (N,).

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
        sums = Sums(rows.shape[1])
        for row, score in zip(rows, scores, strict=True):
            sums.add(row, score)
        self._draws = _posteriors(sums, group)
        self._weight = 1.0 / len(self._draws)
        self.noise = float(np.sqrt(np.mean([np.square(one.unit * one.noise) for one in self._draws])))
        self.r2_left_out = self._explained_left_out(rows, np.asarray(scores, dtype=np.float64))

    def accuracies(self, rows: Array) -> Array:
        """The expected accuracy (N,) of each row (N, columns)."""
        return self._draws[0].offset + self.sums(rows)

    def sums(self, combinations: Array) -> Array:
        """The expected sum of effects (N,), each times its number in a row of combinations (N, columns)."""
        return np.asarray(combinations @ np.mean([one.mean() for one in self._draws], axis=0))

    def errors(self, combinations: Array) -> Array:
        """The standard deviation (N,) of the posterior of these sums of effects, without the noise of a score.

        Of a candidate's row it is that of the expected accuracy.
        """
        inside = [np.square(one.unit * one.noise) * _leverages(one, combinations) for one in self._draws]
        between = np.var([combinations @ one.mean() for one in self._draws], axis=0)
        return np.asarray(np.sqrt(np.mean(inside, axis=0) + between))

    def _explained_left_out(self, rows: Array, scores: Array) -> float:
        total = np.square(scores - scores.mean()).sum()
        if not total:
            return 0.0
        left = [(scores - one.offset - rows @ one.mean()) / (1.0 - _leverages(one, rows)) for one in self._draws]
        return float(1.0 - np.square(np.mean(left, axis=0)).sum() / total)


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


def _leverages(one: Posterior, combinations: Array) -> Array:
    """The variances (N,) of sums of effects, in units of the noise's."""
    along = np.linalg.solve(one.half, one.spread[:, None] * combinations[:, one.used].T)
    return np.asarray(np.square(along).sum(0))
