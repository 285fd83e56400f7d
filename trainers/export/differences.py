"""How far an exported detector's detections are from those in torch."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from spaces.detectors import Detections

NEAR = 1.0
"""Pixels by which the edges of a box may lie apart, so that it counts as the same one."""


@dataclass(frozen=True)
class Differences:
    """Over some images: how many detections torch has, how many of either have none that is the same in the other, and
    the largest differences between those that are the same: of edges in pixels, and of scores."""

    images: int
    detections: int
    unmatched: int
    boxes: float
    scores: float

    @property
    def none(self) -> bool:
        """Whether all are the same to the bit."""
        return self.unmatched == 0 and self.boxes == 0 and self.scores == 0


def differences(ours: Sequence[Detections], theirs: Sequence[Detections]) -> Differences:
    """Compare detections of the same images. By falling score, each takes the nearest free one of its class."""
    pairs = [_compared(one, other) for one, other in zip(ours, theirs, strict=True)]
    return Differences(
        images=len(pairs),
        detections=sum(len(image["scores"]) for image in ours),
        unmatched=sum(unmatched for unmatched, _, _ in pairs),
        boxes=max((boxes for _, boxes, _ in pairs), default=0.0),
        scores=max((scores for _, _, scores in pairs), default=0.0),
    )


def _compared(ours: Detections, theirs: Detections) -> tuple[int, float, float]:
    """Unmatched detections of one image, and the largest differences of edges and of scores."""
    apart = (ours["boxes"][:, None] - theirs["boxes"][None]).abs().amax(2)
    apart[ours["labels"][:, None] != theirs["labels"][None]] = torch.inf
    boxes = scores = 0.0
    matched = 0
    for index in range(len(apart)):
        near = apart[index] <= min(NEAR, float(apart[index].min())) if apart.shape[1] else apart[index] < 0
        if near.any():  # among equally near ones that of the nearest score
            off = torch.where(near, (theirs["scores"] - ours["scores"][index]).abs(), torch.inf)
            found = int(off.argmin())
            boxes, scores = max(boxes, float(apart[index, found])), max(scores, float(off[found]))
            apart[:, found] = torch.inf
            matched += 1
    return apart.shape[0] + apart.shape[1] - 2 * matched, boxes, scores
