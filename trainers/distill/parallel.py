"""Distillation of a dense detector's responses in three parallel branches: classes, boxes, and the quality of boxes.

The framework follows "'Parallel-Circuitized' distillation for dense object detection" (Displays 81:102587, 2024); only
its abstract is public. What each branch computes is our reading, after works that are public: quality focal
loss (arXiv:2006.04388), localization distillation (LD, arXiv:2102.12252), classes as binary scores (BCKD,
arXiv:2308.14286). We take parallel to mean that no branch reads what another distils: each has its own responses,
places and weight, and their gradients add. (LD's code weighs positives by their highest class score; here they weigh
the same.)

Student and teacher must have the same anchors. For two-stage detectors the first stage's responses are compared. Places
are chosen by the student's own matching and `regions.valuable_region`. Each loss is a sum over places, divided by the
number of positives in the batch (at least 1), like the detectors' own.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces.detectors import DetectorOutput, Responses
from spaces.detectors.decoding import decoded
from spaces.detectors.flat import by_anchor, flat_box, flat_cls
from spaces.detectors.gfl_loss import paired_iou, quality_focal_loss
from spaces.whole_batch import divisor
from trainers.distill.anchor_responses import check_same_anchors
from trainers.distill.divergences import binary_divergence, softened_divergence
from trainers.distill.regions import Places, joined, positives, valuable

TEMPERATURE = 10.0
"""For distributions of edges, as published for LD."""


class ResponseCls(nn.Module):
    """Sum over all anchors and classes of |p^t - p^s|^beta CE(p^t, p^s): the teacher's scores in quality focal loss.

    CE(y, p) = -(y log p + (1 - y) log(1 - p)), p the class's score: a sigmoid, before GFLv2 multiplies the quality in.
    With a softmax (SSD) p is the class's probability against all else together, so classes are binary there too; the
    background follows from the others.
    """

    def __init__(self, beta: float = 2.0) -> None:
        super().__init__()
        self.beta = beta

    def forward(self, student: DetectorOutput, teacher: DetectorOutput, teacher_name: str) -> Tensor:
        """A scalar, 0 for equal scores; the teacher gets no gradient. The objects are those of the student's output.

        Raises ValueError when the student ran without targets, and for a teacher with other anchors.
        """
        check_same_anchors(student.responses, teacher.responses)
        soft = class_scores(teacher.responses).detach()
        each = quality_focal_loss(class_logits(student.responses), soft, self.beta)
        return each.sum() / _positives(student)


class ResponseLoc(nn.Module):
    """Sum over positives, and over the valuable region with a quarter of its IoU, of localization distillation.

    For each place, the mean over the four edges of `softened_divergence` of their distributions. Detectors without
    edges' distributions have a substitute: the mean of smooth-L1(b^s, b^t) over the four offsets from the anchor, in
    the detector's own coding.
    """

    def __init__(self, temperature: float = TEMPERATURE) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(self, student: DetectorOutput, teacher: DetectorOutput, teacher_name: str) -> Tensor:
        """A scalar, 0 for equal boxes, and 0 with a gradient path without objects; otherwise as `ResponseCls`."""
        check_same_anchors(student.responses, teacher.responses)
        positive = positives(student)
        places = joined([positive, valuable(student)])
        ours = flat_box(student.responses)[places.image, places.anchor]
        theirs = flat_box(teacher.responses)[places.image, places.anchor].detach()
        if student.responses.bins is None:
            each = F.smooth_l1_loss(ours, theirs, reduction="none")
        else:
            # a sum over bins, as in the paper; its code takes their mean
            each = softened_divergence(ours, theirs, self.temperature)
        return (places.weight * each.mean(-1)).sum() / _positives(student)


class ResponseQuality(nn.Module):
    """Sum over positives, and over the valuable region with a quarter of its IoU, of KL(q^t || q^s).

    q is the predicted quality of a box, as a probability. KL compares (q, 1 - q): its gradient is that of the
    cross-entropy, and it is 0 for equal qualities. Student and teacher without a quality predictor have substitutes:

    - for the teacher, the IoU of its box with the object;
    - for the student, its score of the object's class, on positives only: elsewhere its own loss pulls towards
      background, against this one. So SSD's class scores learn how well the teacher localizes the object.

    A first stage has neither quality nor classes: two-stage students are refused.
    """

    def forward(self, student: DetectorOutput, teacher: DetectorOutput, teacher_name: str) -> Tensor:
        """A scalar, 0 with a gradient path without objects; otherwise as `ResponseCls`.

        Raises ValueError for a two-stage student too.
        """
        if student.second_stage is not None:
            raise ValueError("response_quality is for single-stage students: a first stage predicts no quality.")
        check_same_anchors(student.responses, teacher.responses)
        positive = positives(student)
        if student.responses.quality is not None:
            places = joined([positive, valuable(student)])
            ours = by_anchor(student.responses.quality, 1)[places.image, places.anchor, 0]
        else:
            places = positive
            ours = class_logits(student.responses)[places.image, places.anchor, places.labels - 1]
        each = binary_divergence(ours, _teachers_quality(teacher.responses, places))
        return (places.weight * each).sum() / _positives(student)


def class_logits(responses: Responses) -> Tensor:
    """The logit of each class's binary score, (N, M, C) without the background.

    For a softmax it is z_k - log sum_(j != k) e^z_j, exact where a probability would round to 1.
    """
    logits = flat_cls(responses)
    if responses.background is None:
        return logits
    index = logits.argmax(-1, keepdim=True)
    others = logits.scatter(-1, index, -torch.inf).logsumexp(-1, keepdim=True)
    total = logits.logsumexp(-1, keepdim=True)
    # Only the best class can exceed a half, so for the others 1 - p loses no precision.
    rest = total + torch.log1p(-(logits - total).exp().clamp(max=0.5))
    alone = logits - torch.where(torch.zeros_like(logits).scatter(-1, index, 1.0) > 0, others, rest)
    return _without(alone, responses.background)


def class_scores(responses: Responses) -> Tensor:
    """The probability of each class, (N, M, C) without the background."""
    logits = flat_cls(responses)
    if responses.background is None:
        return logits.sigmoid()
    return _without(logits.softmax(-1), responses.background)


@torch.no_grad()
def _teachers_quality(responses: Responses, places: Places) -> Tensor:
    """Probabilities (P,): the teacher's predicted quality of its boxes, or their true IoU."""
    if responses.quality is not None:
        return by_anchor(responses.quality, 1)[places.image, places.anchor, 0].sigmoid()
    predicted = flat_box(responses)[places.image, places.anchor]
    boxes = decoded(responses, responses.anchors[places.anchor], predicted)
    return paired_iou(boxes, places.boxes).clamp(0.0, 1.0)


def _without(scores: Tensor, background: int) -> Tensor:
    return torch.cat([scores[..., :background], scores[..., background + 1 :]], dim=-1)


def _positives(student: DetectorOutput) -> Tensor:
    return divisor((student.assignment.labels > 0).sum())
