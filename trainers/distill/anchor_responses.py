"""Student's and teacher's responses on the same anchors, or the same proposals, in one form for terms to compare."""

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from spaces.detectors import Assignment, DetectorOutput, Responses, RoIResponses
from spaces.detectors.edge_distributions import expected_distances
from spaces.detectors.flat import flat_box, flat_cls


@dataclass(frozen=True)
class AnchorResponses:
    """cls (N, M, K) logits, box (N, M, 4) offsets or (N, M, 4, bins) logits; activation, background as in `Responses`.

    Proposals are treated as the anchors of one image: N is 1, M their number in the whole batch.
    """

    cls: Tensor
    box: Tensor
    activation: Literal["softmax", "sigmoid"]
    background: int | None

    def detached(self) -> "AnchorResponses":
        """The same without a gradient."""
        return replace(self, cls=self.cls.detach(), box=self.box.detach())

    def boxes(self, chosen: Tensor) -> Tensor:
        """The offsets, or the expected distances in strides, of the anchors in the mask `chosen` (N, M): (P, 4)."""
        boxes = self.box[chosen]
        return boxes if boxes.ndim == 2 else expected_distances(boxes)


def paired_responses(
    student: DetectorOutput, teacher: DetectorOutput
) -> tuple[AnchorResponses, AnchorResponses, Assignment]:
    """Both sides' responses, the teacher's without gradient, and the student's targets there.

    If both have second stages on the same proposals, these are compared, each box in its target class; else the
    anchors are. Raises ValueError when the student ran without targets, and for a teacher with other anchors or
    classes.
    """
    ours, theirs = student.rois, teacher.rois
    if ours is not None and theirs is not None and same_proposals(ours, theirs):
        if ours.assignment is None:
            raise ValueError("The student's proposals have no targets: run the detector with them.")
        if ours.cls.shape != theirs.cls.shape:
            raise ValueError(f"The teacher has {theirs.cls.shape[1]} classes, the student {ours.cls.shape[1]}.")
        labels = ours.assignment.labels
        targets = Assignment(labels[None], ours.assignment.box[None])
        return _of_proposals(ours, labels), _of_proposals(theirs, labels).detached(), targets
    check_same_anchors(student.responses, teacher.responses)
    return _of_anchors(student.responses), _of_anchors(teacher.responses).detached(), student.assignment


def check_same_anchors(student: Responses, teacher: Responses) -> None:
    """Raise ValueError, with the reasons, if the teacher's responses can't be compared with the student's."""
    reasons = []
    if (student.activation, student.background) != (teacher.activation, teacher.background):
        reasons.append(
            f"its scores are read by {teacher.activation} with background {teacher.background}, "
            f"the student's by {student.activation} with {student.background}"
        )
    if student.bins != teacher.bins:
        forms = ["offsets" if bins is None else f"{bins} bins per edge" for bins in (teacher.bins, student.bins)]
        reasons.append(f"its boxes are {forms[0]}, the student's {forms[1]}")
    for part, levels in (("scores", (student.cls, teacher.cls)), ("boxes", (student.box, teacher.box))):
        ours, theirs = ([tuple(x.shape[1:]) for x in side] for side in levels)
        if ours != theirs:
            reasons.append(f"its {part} by level are {theirs}, the student's {ours}")
    if not reasons and not student.anchors.is_meta and not torch.equal(student.anchors, teacher.anchors):
        reasons.append("its anchors have other places or sizes")
    if reasons:
        listed = "; ".join(reasons)
        raise ValueError(
            f"The teacher's responses don't fit the student's: {listed}. A teacher of the student's family at the same "
            "image size has such responses; terms of features don't need them."
        )


def same_proposals(ours: RoIResponses, theirs: RoIResponses) -> bool:
    """Whether both second stages ran on the same proposals."""
    pairs = zip(ours.proposals, theirs.proposals, strict=True)
    return all(own is other or torch.equal(own, other) for own, other in pairs)


def _of_anchors(responses: Responses) -> AnchorResponses:
    return AnchorResponses(flat_cls(responses), flat_box(responses), responses.activation, responses.background)


def _of_proposals(rois: RoIResponses, labels: Tensor) -> AnchorResponses:
    """Each proposal with the box of its label; labels (R,)."""
    each = torch.arange(len(labels), device=labels.device)
    return AnchorResponses(rois.cls[None], rois.box.unflatten(-1, (-1, 4))[each, labels][None], "softmax", 0)
