"""In-place distillation: one path of a supernet learns from another's responses to the same batch, not from labels.

Slimmable networks (arXiv:1903.05134) and BigNAS (arXiv:2003.11142) teach classes so. For detectors the places are those
that the labels would be learned at: positives by the detector's own matching, and hard negatives.
"""

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from spaces.detectors import Assignment, DetectorOutput, Responses
from spaces.detectors.flat import by_anchor
from spaces.detectors.ssd_loss import hard_negatives
from spaces.whole_batch import divisor
from trainers.distill.anchor_responses import AnchorResponses, paired_responses, same_proposals
from trainers.distill.divergences import binary_divergence, softened_divergence
from trainers.distill.joint_responses import background_loss, divergence


def as_teacher(output: DetectorOutput) -> DetectorOutput:
    """The responses of an output, a second stage's too, without gradients and without all that they came from."""
    first, rois = output.responses, output.rois
    responses = replace(
        first,
        cls=_detached(first.cls),
        box=_detached(first.box),
        quality=None if first.quality is None else _detached(first.quality),
    )
    second = None if rois is None else replace(rois, cls=rois.cls.detach(), box=rois.box.detach())
    return DetectorOutput({}, responses, decode=list, second_stage=None if second is None else lambda: second)


def in_place_losses(student: DetectorOutput, teacher: DetectorOutput) -> dict[str, Tensor]:
    """The losses that replace a student's own, by name: scalars, 0 for equal responses. The teacher gets no gradient.

    With P the number of positives (at least 1), as in the detectors' own losses:

        in-place cls       sum over positives and hard negatives of KL(p^t || p^s) / P; by class for sigmoids
        in-place box       sum over positives and edges of smooth-L1(b^s, b^t) / P; for distributions of edges of
                           KL(e^t || e^s) / P
        in-place quality   sum over positives of KL(q^t || q^s) / P, where quality is predicted

    The gradient of a KL is that of a cross-entropy with the teacher's probabilities for labels. A two-stage detector
    has the losses of its first stage as `in-place first cls` and so on; its second stage must have run on the
    teacher's proposals. Raises ValueError if it has others, or if the student ran without targets.
    """
    if student.rois is None or teacher.rois is None:
        ours, theirs, targets = paired_responses(student, teacher)
        quality = _quality_loss(student.responses, teacher.responses, targets.labels > 0)
        return _named("in-place", _losses(ours, theirs, targets) | quality)
    if not same_proposals(student.rois, teacher.rois):
        raise ValueError("The student's second stage ran on other proposals than the teacher's.")
    first = paired_responses(replace(student, second_stage=None), replace(teacher, second_stage=None))
    second = paired_responses(student, teacher)
    return _named("in-place first", _losses(*first)) | _named("in-place", _losses(*second))


def _losses(ours: AnchorResponses, theirs: AnchorResponses, targets: Assignment) -> dict[str, Tensor]:
    labels = targets.labels
    positive = labels > 0
    unlikely = background_loss(ours).masked_fill(labels < 0, -torch.inf)
    chosen = positive | (hard_negatives(unlikely, positive) & (labels == 0))
    cls = divergence(ours.cls[chosen], theirs.cls[chosen], ours.activation, 1.0).sum()
    own, teachers = ours.box[positive], theirs.box[positive]
    if own.ndim == 2:
        box = F.smooth_l1_loss(own, teachers, reduction="sum")
    else:
        box = softened_divergence(own, teachers, 1.0).sum()
    positives = divisor(positive.sum())
    return {"cls": cls / positives, "box": box / positives}


def _quality_loss(ours: Responses, theirs: Responses, positive: Tensor) -> dict[str, Tensor]:
    if ours.quality is None or theirs.quality is None:
        return {}
    own, teachers = (by_anchor(levels, 1)[..., 0][positive] for levels in (ours.quality, theirs.quality))
    return {"quality": binary_divergence(own, teachers.sigmoid()).sum() / divisor(positive.sum())}


def _named(prefix: str, losses: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix} {name}": loss for name, loss in losses.items()}


def _detached(levels: list[Tensor]) -> list[Tensor]:
    return [level.detach() for level in levels]
