"""What a rule of average precision says of one class: its figures, and its precision at each recall."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_POINTS = 101
"""Of a curve, as many as COCO's rule reads."""


@dataclass(frozen=True)
class Curve:
    """Precision against recall: score is the least score of the detections that are counted at a point."""

    recall: tuple[float, ...]
    precision: tuple[float, ...]
    score: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class ClassResult:
    """One class.

    objects: how many of it count. figures: by name, in 0..1. scores, right: (n,) its detections that count at an IoU of
    0.5, best first, and whether each found an object.
    """

    objects: int
    figures: Mapping[str, float]
    scores: NDArray[np.float64]
    right: NDArray[np.bool_]

    def curve(self) -> Curve:
        """The points at which an object was found, thinned to `MOST_POINTS` that lie evenly over recall.

        Precision is as it was, without the envelope: AP is the area under the greatest precision at a recall or more.
        """
        found = np.flatnonzero(self.right)
        kept = np.arange(len(found))
        if len(found) > MOST_POINTS:
            kept = np.linspace(0, len(found) - 1, MOST_POINTS).round().astype(np.int64)
        at = found[kept]
        columns = (kept + 1) / max(self.objects, 1), (kept + 1) / (at + 1), self.scores[at]
        recall, precision, score = (tuple(np.round(column, 6).tolist()) for column in columns)
        return Curve(recall, precision, score)
