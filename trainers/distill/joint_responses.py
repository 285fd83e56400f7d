"""JDBNet's joint guidance by responses: what the teacher says of the anchors that the student learns from.

The paper (IEEE TCSVT 34(1), 2024) is not public; these terms are our reading of "joint-guided". The anchors are those
that must find an object by the student's own rule (positives), for classes its hard negatives too. Student and teacher
must have the same anchors, see `anchor_responses`. For two-stage detectors the second stages are compared where both
speak of the same proposals, else the first stages' dense responses.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces.detectors import DetectorOutput
from spaces.detectors.ssd_loss import hard_negatives
from trainers.distill.anchor_responses import AnchorResponses, paired_responses
from trainers.distill.divergences import softened_divergence

TEMPERATURE = 2.0
MARGIN = 0.1
"""As a share of the teacher's error: codings differ in scale (SSD's offsets are 5 to 10 times a first stage's)."""


class JointCls(nn.Module):
    """Mean over positives and hard negatives of T^2 KL(p^t || p^s), p = softmax(z / T), or by class sigmoid(z / T).

    Where scores are sigmoids (GFL, a first stage) the divergence is summed over the classes' (p, 1 - p); GFLv2's are
    those before its quality. Hard negatives are SSD's: of each image, three a positive and at least three, the ones
    of highest classification loss for the student.
    """

    def __init__(self, temperature: float = TEMPERATURE) -> None:
        super().__init__()
        self._temperature = temperature

    def forward(self, student: DetectorOutput, teacher: DetectorOutput, teacher_name: str) -> Tensor:
        """A scalar, 0 for equal scores; the teacher gets no gradient. The objects are those of the student's output.

        Raises ValueError when the student ran without targets, and for a teacher with other anchors.
        """
        ours, theirs, wanted = paired_responses(student, teacher)
        labels = wanted.labels
        lost = _background_loss(ours).masked_fill(labels < 0, -torch.inf)
        chosen = (labels > 0) | (hard_negatives(lost, labels > 0) & (labels == 0))
        apart = _divergence(ours.cls[chosen], theirs.cls[chosen], ours.activation, self._temperature)
        return apart.sum() / max(len(apart), 1)


class JointBox(nn.Module):
    """Mean over positives of smooth-L1(b^s, b^t), summed over the four numbers of a box.

    b are the offsets from the anchor, in the detectors' coding; of edge distributions their expected distances, in
    strides. `bounded` counts an anchor only where the student is worse than the teacher by a margin, with b of the
    object itself: smooth-L1(b^s, b) > (1 + m) smooth-L1(b^t, b). That a student isn't held back to its teacher is the
    idea of Chen et al. (NIPS 2017, "Learning Efficient Object Detection Models with Knowledge Distillation", section
    3.3), whose bounded loss draws to the object and not to the teacher.
    """

    def __init__(self, *, bounded: bool = False, margin: float = MARGIN) -> None:
        super().__init__()
        self._bounded, self._margin = bounded, margin

    def forward(self, student: DetectorOutput, teacher: DetectorOutput, teacher_name: str) -> Tensor:
        """A scalar, 0 for equal boxes, and with a gradient path where there is no object; else as `JointCls`."""
        ours, theirs, wanted = paired_responses(student, teacher)
        positive = wanted.labels > 0
        own, taught = ours.boxes(positive), theirs.boxes(positive)
        apart = _smooth_l1(own, taught)
        if self._bounded:
            objects = wanted.box[positive]
            apart = apart * (_smooth_l1(own, objects) > (1 + self._margin) * _smooth_l1(taught, objects))
        return apart.sum() / max(len(apart), 1)


@torch.no_grad()
def _background_loss(responses: AnchorResponses) -> Tensor:
    """What each anchor would lose as a negative, (N, M)."""
    if responses.activation == "softmax":
        return -responses.cls.log_softmax(-1)[..., responses.background]
    return F.softplus(responses.cls).sum(-1)


def _divergence(ours: Tensor, theirs: Tensor, activation: str, temperature: float) -> Tensor:
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
