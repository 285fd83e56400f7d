"""The places of a batch from which an object's box can be learnt: positives, and the region around them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.ops import box_iou, distance_box_iou

from spaces.detectors import DetectorOutput
from spaces.detectors.atss import CANDIDATES, adaptive_thresholds
from spaces.detectors.decoding import decoded

LEAST_SHARE = 0.25
"""The least DIoU of a valuable region, as a share of the object's threshold."""

REGION_WEIGHT = 0.25
"""The weight of the region's anchors relative to positives, times their IoU. LD's code divides by 16, not by 4."""


@dataclass(frozen=True)
class Places:
    """P anchors of a batch, each belonging to one object.

    image, anchor (P,): indices into (N, M). labels (P,) and boxes (P, 4): the object's class from 1 on (1 for any in a
    first stage), and its box xyxy in the pixels of the anchors. weight (P,): how much each counts.
    """

    image: Tensor
    anchor: Tensor
    labels: Tensor
    boxes: Tensor
    weight: Tensor


def positives(student: DetectorOutput) -> Places:
    """The positive anchors by the student's own rule, with weight 1.

    Raises ValueError when the student ran without targets.
    """
    assignment, anchors = student.assignment, student.responses.anchors
    image, anchor = (assignment.labels > 0).nonzero(as_tuple=True)
    boxes = decoded(student.responses, anchors[anchor], assignment.box[image, anchor])
    return Places(image, anchor, assignment.labels[image, anchor], boxes, anchors.new_ones(len(anchor)))


def valuable(student: DetectorOutput) -> Places:
    """The anchors of `valuable_region`, each for the object of highest IoU; the weight is a quarter of this IoU.

    An anchor may be a positive of another object too. ATSS looks at the nine nearest anchors of each level; with A
    anchors per cell these are 9 A.
    """
    responses = student.responses
    per_cell = [x.shape[1] // (4 * (responses.bins or 1)) for x in responses.box]
    counts = [anchors * x.shape[-2] * x.shape[-1] for anchors, x in zip(per_cell, responses.box, strict=True)]
    parts = []
    for number, target in enumerate(student.targets):
        boxes = target["boxes"].to(responses.anchors.dtype)
        overlaps, owner = valuable_region(
            responses.anchors, counts, boxes, [CANDIDATES * anchors for anchors in per_cell]
        )
        anchor = overlaps.nonzero()[:, 0]
        own = owner[anchor]
        image, weight = torch.full_like(anchor, number), REGION_WEIGHT * overlaps[anchor]
        parts.append(Places(image, anchor, target["labels"][own], boxes[own], weight))
    return joined(parts)


def joined(parts: Sequence[Places]) -> Places:
    """The places of all parts, one after the other."""
    names = ("image", "anchor", "labels", "boxes", "weight")
    return Places(*(torch.cat([getattr(part, name) for part in parts]) for name in names))


@torch.no_grad()
def valuable_region(
    anchors: Tensor, cells: Sequence[int], boxes: Tensor, candidates: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """The valuable localization region (VLR, arXiv:2102.12252): near an object, but too far for a positive.

    An anchor is in an object's region if t / 4 <= DIoU < t, where t is the threshold by which ATSS chooses the object's
    positives, and DIoU = IoU - (distance of the centres / diagonal of the box round both)^2. Arguments as for
    `atss.adaptive_thresholds`. Returns for each anchor the highest IoU with an object whose region it is in, or 0, and
    this object's index, or -1: (M,) each.
    """
    if len(boxes) == 0:
        return anchors.new_zeros(len(anchors)), torch.full((len(anchors),), -1, device=anchors.device)
    _, _, least = adaptive_thresholds(anchors, cells, boxes, candidates)
    near = distance_box_iou(boxes, anchors)
    inside = (near >= LEAST_SHARE * least) & (near < least)
    overlaps, owner = box_iou(boxes, anchors).masked_fill(~inside, 0.0).max(0)
    return overlaps, torch.where(overlaps > 0, owner, -1)
