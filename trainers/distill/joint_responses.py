"""JDBNet's joint guidance by responses: the teacher's responses on the anchors that the student learns from.

The paper (IEEE TCSVT 34(1), 2024) is not public; these terms are our reading of "joint-guided". The anchors are the
positives by the student's own rule, and for classes its hard negatives too. Student and teacher must have the same
anchors, see `anchor_responses`. Two-stage detectors are compared by their second stages if both have the same
proposals, else by the first stages' dense responses.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces.detectors import DetectorOutput
from spaces.detectors.ssd_loss import hard_negatives
from spaces.whole_batch import divisor
from trainers.distill.anchor_responses import AnchorResponses, paired_responses
from trainers.distill.divergences import softened_divergence

TEMPERATURE = 2.0
MARGIN = 0.1
"""As a share of the teacher's error: codings differ in scale (SSD's offsets are 5 to 10 times a first stage's)."""


class JointCls(nn.Module):
    """Mean over positives and hard negatives of T^2 KL(p^t || p^s), p = softmax(z / T), or by class sigmoid(z / T).

    Where scores are sigmoids (GFL, a first stage) the divergence is summed over the classes' (p, 1 - p); GFLv2's are
    those before its quality. Hard negatives are SSD's: per image three for each positive and at least three, those with
    the student's highest classification loss.
    """

    def __init__(self, temperature: float = TEMPERATURE) -> None:
        super().__init__()
        self._temperature = temperature

    def forward(self, student: DetectorOutput, teacher: DetectorOutput, teacher_name: str) -> Tensor:
        """A scalar, 0 for equal scores; the teacher gets no gradient. The objects are those of the student's output.

        Raises ValueError when the student ran without targets, and for a teacher with other anchors.
        """
        ours, theirs, targets = paired_responses(student, teacher)
        labels = targets.labels
        unlikely = background_loss(ours).masked_fill(labels < 0, -torch.inf)
        chosen = (labels > 0) | (hard_negatives(unlikely, labels > 0) & (labels == 0))
        divergences = divergence(ours.cls[chosen], theirs.cls[chosen], ours.activation, self._temperature)
        return divergences.sum() / divisor(chosen.sum())


class JointBox(nn.Module):
    """Mean over positives of smooth-L1(b^s, b^t), summed over the four numbers of a box.

    b are the offsets from the anchor, in the detectors' coding, or the expected distances of edge distributions, in
    strides. `bounded` counts an anchor only where the student is worse than the teacher by a margin, with b of the
    object itself: smooth-L1(b^s, b) > (1 + m) smooth-L1(b^t, b). That a student isn't held back to its teacher is the
    idea of Chen et al. (NIPS 2017, "Learning Efficient Object Detection Models with Knowledge Distillation", section
    3.3), whose bounded loss draws to the object and not to the teacher.
    """

    def __init__(self, *, bounded: bool = False, margin: float = MARGIN) -> None:
        super().__init__()
        self._bounded, self._margin = bounded, margin

    def forward(self, student: DetectorOutput, teacher: DetectorOutput, teacher_name: str) -> Tensor:
        """A scalar, 0 with a gradient path for equal boxes and without objects; otherwise as `JointCls`."""
        ours, theirs, targets = paired_responses(student, teacher)
        positive = targets.labels > 0
        own, teachers = ours.boxes(positive), theirs.boxes(positive)
        losses = _smooth_l1(own, teachers)
        if self._bounded:
            objects = targets.box[positive]
            losses = losses * (_smooth_l1(own, objects) > (1 + self._margin) * _smooth_l1(teachers, objects))
        return losses.sum() / divisor(positive.sum())


@torch.no_grad()
def background_loss(responses: AnchorResponses) -> Tensor:
    """The loss of each anchor if it were a negative, (N, M)."""
    if responses.activation == "softmax":
        return -responses.cls.log_softmax(-1)[..., responses.background]
    return F.softplus(responses.cls).sum(-1)


def divergence(ours: Tensor, theirs: Tensor, activation: str, temperature: float) -> Tensor:
    """T^2 KL of the second's probabilities from the first's: logits (P, K) to (P,)."""
    if activation == "softmax":
        return softened_divergence(ours, theirs, temperature)
    ours, theirs = ours / temperature, theirs / temperature
    sides = [(F.logsigmoid(sign * ours), F.logsigmoid(sign * theirs)) for sign in (1, -1)]
    each = torch.stack([F.kl_div(*side, reduction="none", log_target=True) for side in sides]).sum(0)
    return temperature**2 * each.sum(-1)


def _smooth_l1(boxes: Tensor, others: Tensor) -> Tensor:
    """(P, 4) twice to (P,)."""
    return F.smooth_l1_loss(boxes, others, reduction="none").sum(-1)
