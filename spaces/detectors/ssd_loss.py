"""SSD's training loss: matching, hard negative mining, classification and box regression."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import box_iou

from spaces.detectors import box_coding
from spaces.detectors.contract import Assignment, Target
from spaces.whole_batch import divisor

NEGATIVES_PER_POSITIVE = 3
MATCH_IOU = 0.5
BOX_SCALES = (10.0, 10.0, 5.0, 5.0)
"""The inverse of SSD's variances (0.1, 0.1, 0.2, 0.2)."""


def ssd_losses(logits: Tensor, offsets: Tensor, anchors: Tensor, targets: list[Target]) -> dict[str, Tensor]:
    """Classification and box loss of a batch, each divided by the number of positives (arXiv:1512.02325, section 2.2).

    logits (N, M, K + 1) with background 0, offsets (N, M, 4) coded with `BOX_SCALES`, anchors (M, 4) xyxy; targets'
    boxes in the same pixels. Every object takes its best anchor, and each anchor with IoU >= 0.5 an object; three
    hard negatives a positive. Returns scalars `cls` and `box`; both keep a gradient when the batch holds no object.
    """
    wanted = assign(anchors, targets)
    labels, positive = wanted.labels, wanted.labels > 0
    positives = divisor(positive.sum())
    box = F.smooth_l1_loss(offsets[positive], wanted.box[positive], reduction="sum") / positives
    each = F.cross_entropy(logits.transpose(1, 2), labels, reduction="none")  # classes first: several times faster
    hard = hard_negatives(each.detach(), positive)
    cls = (each * (positive | hard)).sum() / positives
    return {"cls": cls, "box": box}


def assign(anchors: Tensor, targets: list[Target]) -> Assignment:
    """The classes that the anchors (M, 4) must tell and the coded offsets that they must regress."""
    boxes = [target["boxes"].to(anchors.dtype) for target in targets]
    overlaps = box_iou(torch.cat(boxes), anchors).split([len(one) for one in boxes])  # one call for all images
    labels, matched = [], []
    for target, own, overlap in zip(targets, boxes, overlaps, strict=True):
        if len(own) == 0:
            labels.append(anchors.new_zeros(len(anchors), dtype=torch.long))
            matched.append(anchors)
            continue
        index = box_coding.match(overlap, MATCH_IOU)
        first = index.clamp(min=0)
        labels.append(torch.where(index >= 0, target["labels"][first], 0))
        matched.append(own[first])
    return Assignment(torch.stack(labels), box_coding.encode(torch.stack(matched), anchors, BOX_SCALES))


def hard_negatives(losses: Tensor, positive: Tensor) -> Tensor:
    """The negatives of highest loss, three a positive of their image, (N, M) bool; an empty image gives three.

    torchvision's SSD gives an image without objects no negatives at all: it would learn nothing from it.
    """
    wanted = NEGATIVES_PER_POSITIVE * positive.sum(1, keepdim=True).clamp(min=1)
    most = min(int(wanted.max()), losses.shape[1])
    hardest = losses.masked_fill(positive, -torch.inf).topk(most, 1).indices
    taken = torch.arange(most, device=losses.device) < wanted
    return torch.zeros_like(positive).scatter_(1, hardest, taken) & ~positive
