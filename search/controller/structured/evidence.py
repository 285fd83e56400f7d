"""The prior variances of the linear model, relative to the noise's: those of the greatest evidence.

They are one number for each group of columns. The evidence has the noise integrated out.
"""

import math
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from search.controller.structured.linear_model import PRIOR_COUNT, PRIOR_NOISE, Array, Sums, joint_halves

RATIOS = 10.0 ** np.arange(-2, 6)
"""What a group's ratio may be."""
WIDE = 1e6
"""The ratio of the intercept, which is the first group: as good as no prior."""
SWEEPS = 2
"""How often the ratios are chosen, one group after another."""


def best_ratios(sums: Sums, group: NDArray[np.int64], optional: Collection[int] = ()) -> tuple[Array, float]:
    """The ratio of each column (columns,) by the greatest evidence, and the logarithm of that, but for a constant.

    group: (columns,), the number of each column's group, from 0 for the intercept. optional: the groups that may have
    the ratio 0, which leaves their columns out.
    """
    evidence = Evidence(sums, group)
    chosen = np.ones(group.max() + 1)
    chosen[0] = WIDE
    for _ in range(SWEEPS):
        for at in np.unique(group)[1:]:
            ratios = np.append(0.0, RATIOS) if at in optional else RATIOS
            tried = np.repeat(chosen[None], len(ratios), axis=0)
            tried[:, at] = ratios
            chosen = tried[int(np.argmax(evidence.log(tried)))]
    density = float(evidence.log(chosen[None])[0]) - sums.count * math.log(sums.scaled()[3])
    return np.asarray(chosen[group]), density


class Evidence:
    """The density of the scaled values under ratios of the groups: by the columns, or by the scores if these are fewer.

    Both forms give the same. With 20 scores and 180 columns the second takes a hundredth of the time.
    """

    def __init__(self, sums: Sums, group: NDArray[np.int64]) -> None:
        self._sums, self._group = sums, group
        self._kernels: Array | None = None
        if sums.rows:
            rows = np.array(sums.rows)
            parts = [rows[:, group == at] for at in range(group.max() + 1)]
            self._kernels = np.stack([part @ part.T for part in parts])  # (groups, scores, scores)

    def log(self, ratios: Array) -> Array:
        """Its logarithm (N,) for each row of ratios (N, groups), but for a constant."""
        count = self._sums.count + PRIOR_COUNT
        if self._kernels is None:
            halves = joint_halves(self._sums, ratios[:, self._group], np.arange(len(self._group)))
            diagonal = np.log(np.diagonal(halves, axis1=1, axis2=2))
            return np.asarray(-diagonal[:, :-1].sum(1) - count * diagonal[:, -1])
        logs, left = self._by_scores(self._kernels, ratios)
        return np.asarray(-logs - 0.5 * count * np.log(left + PRIOR_COUNT * PRIOR_NOISE**2))

    def _by_scores(self, kernels: Array, ratios: Array) -> tuple[Array, Array]:
        """Half the logarithm of |K| and y' K^-1 y (N,), where K = 1 + the kernels times the ratios.

        Both are in the Cholesky factor of [[K, y], [y', y'y + 1]]: the square of its last entry is y'y + 1 - y' K^-1 y.
        """
        _, _, mean, unit = self._sums.scaled()
        y = (np.array(self._sums.values) - mean * np.array(self._sums.rows)[:, 0]) / unit
        joint = np.empty((len(ratios), len(y) + 1, len(y) + 1))
        joint[:, :-1, :-1] = np.tensordot(ratios, kernels, 1) + np.eye(len(y))
        joint[:, :-1, -1] = joint[:, -1, :-1] = y
        joint[:, -1, -1] = y @ y + 1.0
        diagonal = np.diagonal(np.linalg.cholesky(joint), axis1=1, axis2=2)
        return np.log(diagonal[:, :-1]).sum(1), y @ y + 1.0 - np.square(diagonal[:, -1])
