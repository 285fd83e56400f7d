"""The scales on which an accuracy may be the sum of its choices' effects: its own, or its logarithm."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

POINT = 0.01
"""What is added before the logarithm. Accuracies below it are as good as none, and their ratios say nothing."""
SPAN = 3.0
"""The logarithm is tried where the greatest score is so many times the least: below, both scales fit about alike."""


MARGIN = 5.0
"""By so much the logarithm's log evidence must be greater: few scores of a sum now and then look like a product."""


@dataclass(frozen=True)
class Scale:
    """of: from accuracies to the scale, and to_accuracies back. slope: the derivative of `of`, at the nearest accuracy
    for other values.

    The noise of a score has one deviation for all accuracies. On the scale it is the slope times that, so that a score
    `counts` as often as its noise has a smaller variance than at the slope 1. The slope is that at the score, not at
    what a model expects: a score near 0 hardly counts against a model that expects much.
    """

    of: Callable[[float], float]
    to_accuracies: Callable[[Array], Array]
    slope: Callable[[float], float]

    def counts(self, accuracy: float) -> float:
        """How often a score counts."""
        return self.slope(accuracy) ** -2


PLAIN = Scale(lambda value: value, lambda numbers: numbers, lambda value: 1.0)
LOGARITHM = Scale(
    lambda value: float(np.log(max(value, 0.0) + POINT)),
    lambda numbers: np.exp(np.minimum(numbers, np.log1p(POINT))) - POINT,
    lambda value: 1.0 / (min(max(value, 0.0), 1.0) + POINT),
)
"""Effects multiply. In a deep network on real images a few 1-bit layers may leave nothing of the accuracy, and then no
further one can cost the points that a sum over layers would give it. What it gives back lies between
`-POINT` and 1."""


def may_be_logarithmic(least: float, greatest: float) -> bool:
    """Whether scores from least to greatest are accuracies (0 to 1) that span enough for the logarithm."""
    return least >= 0.0 and greatest <= 1.0 and greatest + POINT >= SPAN * (least + POINT)
