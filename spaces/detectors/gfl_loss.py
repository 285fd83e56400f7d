"""GFL's training losses (arXiv:2006.04388): quality focal loss, distribution focal loss and GIoU."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import generalized_box_iou_loss

from spaces.detectors.atss import assign
from spaces.detectors.contract import Assignment, Target
from spaces.detectors.edge_distributions import boxes_at, distances_to, expected_distances
from spaces.whole_batch import divisor

BOX_WEIGHT, DISTRIBUTION_WEIGHT = 2.0, 0.25
LEAST_WEIGHT = 1e-6


def gfl_losses(
    scores: Tensor, edges: Tensor, anchors: Tensor, cells: Sequence[int], targets: list[Target]
) -> dict[str, Tensor]:
    """Scalars `cls`, `box` and `dfl` of a batch; all keep a gradient when it holds no object.

    scores (N, M, K) logits of the final scores, edges (N, M, 4, n) logits, anchors (M, 4), `cells` anchors per level;
    targets' boxes in the anchors' pixels. Positives are chosen by ATSS. `cls` is the quality focal loss of all anchors,
    divided by the number of positives; the target score of a positive's class is the IoU of its predicted box with its
    object. `box` (GIoU, times 2) and `dfl` (times 0.25, mean over edges) are means over positives, weighted with their
    highest score.
    """
    owners = torch.stack([assign(anchors, cells, target["boxes"].to(anchors.dtype)) for target in targets])
    image, anchor = (owners >= 0).nonzero(as_tuple=True)
    owned = [own[own >= 0] for own in owners]
    boxes = torch.cat([target["boxes"].to(anchors.dtype)[own] for target, own in zip(targets, owned, strict=True)])
    labels = torch.cat([target["labels"][own] for target, own in zip(targets, owned, strict=True)])
    chosen, at = edges[image, anchor], anchors[anchor]
    predicted = boxes_at(at, expected_distances(chosen))
    quality = torch.zeros_like(scores)
    quality[image, anchor, labels - 1] = paired_iou(predicted.detach(), boxes).to(quality.dtype)
    weight = scores.detach().sigmoid().amax(-1)[image, anchor]
    total = divisor(weight.sum(), LEAST_WEIGHT)
    giou_loss = generalized_box_iou_loss(predicted, boxes)
    spread = distribution_focal_loss(chosen, distances_to(at, boxes)).mean(-1)
    return {
        "cls": quality_focal_loss(scores, quality).sum() / divisor((owners >= 0).sum()),
        "box": BOX_WEIGHT * (weight * giou_loss).sum() / total,
        "dfl": DISTRIBUTION_WEIGHT * (weight * spread).sum() / total,
    }


def assignment(anchors: Tensor, cells: Sequence[int], targets: list[Target]) -> Assignment:
    """Target classes of the anchors (M, 4) and target distances of their edges, in strides; matched by ATSS."""
    labels, boxes = [], []
    for target in targets:
        own = target["boxes"].to(anchors.dtype)
        owners = assign(anchors, cells, own)  # the last one, -1, is the background's
        labels.append(torch.cat([target["labels"], target["labels"].new_zeros(1)])[owners])
        boxes.append(torch.cat([own, own.new_zeros(1, 4)])[owners])
    return Assignment(torch.stack(labels), distances_to(anchors, torch.stack(boxes)))


def quality_focal_loss(logits: Tensor, quality: Tensor, beta: float = 2.0) -> Tensor:
    """|y - s|^beta times the cross-entropy of the score s = sigmoid(logit) to the soft target y, element by element.

    logits, quality (...,): y is the IoU in [0, 1] at the true class, 0 elsewhere (arXiv:2006.04388, section 3).
    """
    gap = (quality - logits.sigmoid()).abs()
    return gap**beta * F.binary_cross_entropy_with_logits(logits, quality, reduction="none")


def distribution_focal_loss(logits: Tensor, distances: Tensor) -> Tensor:
    """Cross-entropy to the two bins beside each distance, by how near they are (arXiv:2006.04388, section 3).

    logits (..., n), distances (...,) in bins, taken as 0 or n - 1 where they lie outside; result (...,). A distance
    y between bins i and i + 1: -((i + 1 - y) log P_i + (y - i) log P_(i+1)).
    """
    last = logits.shape[-1] - 1
    distances = distances.clamp(0, last)
    lower = distances.detach().floor().clamp(max=last - 1)
    share, index = distances - lower, lower.long()[..., None]
    log = logits.log_softmax(-1)
    return -((1 - share) * log.gather(-1, index)[..., 0] + share * log.gather(-1, index + 1)[..., 0])


def paired_iou(boxes: Tensor, others: Tensor) -> Tensor:
    """The IoU of each of `boxes` (P, 4) xyxy with the one of `others` in its place, (P,)."""
    corner, opposite = torch.maximum(boxes[:, :2], others[:, :2]), torch.minimum(boxes[:, 2:], others[:, 2:])
    shared = (opposite - corner).clamp(min=0).prod(1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1) + (others[:, 2:] - others[:, :2]).prod(1)
    return shared / (areas - shared)
