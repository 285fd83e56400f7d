"""The model of one accuracy, as scores come in."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from search.controller.structured.linear_model import Posterior, posterior
from search.controller.structured.predictions import FEWEST
from search.controller.structured.scaled_sums import ScaledSums
from search.controller.structured.scales import PLAIN

FIRST_FIT, GROWTH = 6, 1.1
"""Scale and prior variances are chosen at so many scores, and again whenever there are so many times more."""
JUDGED_BY = 10
"""How many of the latest predictions decide how much is left to another sampler: what the model said when it had few
scores soon says nothing about it."""

Row = NDArray[np.float64]


class AccuracyModel:
    """The linear model given the scores added so far, and how far off its predictions were.

    Its scale is the one of greater evidence. Its state depends on the scores and their order alone. group and optional:
    see `best_ratios`.
    """

    def __init__(self, group: NDArray[np.int64], optional: Collection[int]) -> None:
        self._group, self._optional = group, optional
        self._sums = ScaledSums(len(group))
        self._to_fit: ScaledSums | None = None
        self._next_fit = FIRST_FIT
        self._scale = PLAIN
        self._ratios: Row | None = None
        self._posterior: Posterior | None = None
        self._predicted: list[tuple[float, float]] = []
        self._scores: list[float] = []

    @property
    def ready(self) -> bool:
        """Whether there are enough scores."""
        return self._to_fit is not None or self._ratios is not None

    def add(self, row: Row, value: float, predicted: float | None) -> None:
        """A score, with what the model said of it before it came in."""
        self._sums.add(row, value)
        self._scores.append(value)
        self._posterior = None
        if predicted is not None:
            self._predicted.append((predicted, value))
        if self._sums.count >= self._next_fit:
            self._to_fit = self._sums.copy()
            self._next_fit = max(self._sums.count + 1, int(self._sums.count * GROWTH))

    def posterior(self, late: Sequence[tuple[Row, float]] = ()) -> Posterior:
        """The effects' distribution, given also the scores `late`, which are not added yet."""
        if self._to_fit is not None:
            self._scale, self._ratios = self._to_fit.best(self._group, self._optional)
            self._to_fit = None
        if self._ratios is None:
            raise RuntimeError("The model has too few scores.")
        if late:
            sums = self._sums.on(self._scale).copy()
            for row, value in late:
                sums.add(row, self._scale.of(value), self._scale.counts(value))
            return replace(posterior(sums, self._ratios), scale=self._scale)
        if self._posterior is None:
            self._posterior = replace(posterior(self._sums.on(self._scale), self._ratios), scale=self._scale)
        return self._posterior

    def misfit(self) -> float:
        """The root mean square error of the latest predictions over all scores' standard deviation; 1 for too few.

        The deviation is that of all scores: the latest may be nearly equal, which says nothing against the model.
        """
        latest = np.array(self._predicted[-JUDGED_BY:])
        if len(latest) < FEWEST or np.ptp(self._scores) == 0:
            return 1.0
        return float(np.sqrt(np.square(latest[:, 0] - latest[:, 1]).mean()) / np.std(self._scores))
