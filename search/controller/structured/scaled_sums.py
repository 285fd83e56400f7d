"""The sums of all scores, on each scale that these may have."""

import math
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from search.controller.structured.evidence import best_ratios
from search.controller.structured.linear_model import Sums
from search.controller.structured.scales import LOGARITHM, MARGIN, PLAIN, Scale, may_be_logarithmic

Array = NDArray[np.float64]


class ScaledSums:
    """Observations, and their sums on each scale."""

    def __init__(self, columns: int) -> None:
        self._sums = {PLAIN: Sums(columns), LOGARITHM: Sums(columns)}
        self._least, self._greatest = math.inf, -math.inf

    @property
    def count(self) -> int:
        return self._sums[PLAIN].count

    def add(self, row: Array, value: float) -> None:
        for scale, sums in self._sums.items():
            sums.add(row, scale.of(value), scale.counts(value))
        self._least, self._greatest = min(self._least, value), max(self._greatest, value)

    def copy(self) -> "ScaledSums":
        other = ScaledSums(0)
        other._sums = {scale: sums.copy() for scale, sums in self._sums.items()}
        other._least, other._greatest = self._least, self._greatest
        return other

    def on(self, scale: Scale) -> Sums:
        """The sums on one scale."""
        return self._sums[scale]

    def best(self, group: NDArray[np.int64], optional: Collection[int]) -> tuple[Scale, Array]:
        """The scale of greater evidence, the plain one by default, and its ratios.

        Both are compared as densities of the scores: a number on a scale times the root of how often it counts has the
        slope 1. That leaves out that a count follows from the score itself.
        """
        ratios, plain = best_ratios(self._sums[PLAIN], group, optional)
        if may_be_logarithmic(self._least, self._greatest):
            others, logarithm = best_ratios(self._sums[LOGARITHM], group, optional)
            if logarithm > plain + MARGIN:
                return LOGARITHM, others
        return PLAIN, ratios
