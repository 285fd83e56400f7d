"""From SSD's raw outputs to detections."""

from collections.abc import Sequence

import torch
from torch import Tensor

from spaces.detectors import box_coding
from spaces.detectors.contract import Detections
from spaces.detectors.selection import Limits, select
from spaces.detectors.ssd_loss import BOX_SCALES

USUAL = Limits(least_score=0.01, nms_iou=0.45, before_nms=400, after_nms=100)

LARGEST_LEAD = 60.0
"""exp of it is far from overflow, and a probability that it leads to is 1 in single precision."""


def decode_batch(
    logits: Tensor,
    offsets: Tensor,
    anchors: Tensor,
    own_sizes: Sequence[tuple[int, int]],
    sizes: list[tuple[int, int]],
    limits: Limits = USUAL,
) -> list[Detections]:
    """The best detections of each image, by falling score, after class-wise NMS; own_sizes, sizes: see `select`.

    logits (N, M, K + 1) with background 0, offsets (N, M, 4), anchors (M, 4) in pixels of the detector's own size.
    Scores that are no number are left out.
    """
    scores, anchor, labels = _best(_probabilities(logits), limits)
    chosen = offsets.gather(1, anchor[..., None].expand(-1, -1, 4))
    boxes = box_coding.decode(chosen.flatten(0, 1), anchors[anchor.flatten()], BOX_SCALES).view_as(chosen)
    return select(boxes, scores, labels, own_sizes, sizes, limits)


def _best(probabilities: Tensor, limits: Limits) -> tuple[Tensor, Tensor, Tensor]:
    """The highest of the probabilities (N, M, K), their anchors and their classes from 1 on, each (N, k)."""
    anchors, classes = probabilities.shape[1:]
    if not limits.each_class:
        scores, index = probabilities.flatten(1).topk(min(limits.before_nms, anchors * classes), dim=1)
        return scores, index // classes, index % classes + 1
    scores, anchor = probabilities.topk(min(limits.before_nms, anchors), dim=1)  # (N, k, K)
    labels = torch.arange(1, classes + 1, device=scores.device).expand_as(scores)
    return scores.flatten(1), anchor.flatten(1), labels.flatten(1)


def _probabilities(logits: Tensor) -> Tensor:
    """The softmax without its background, (N, M, K); where it is no number, 0.

    exp(l_k - l_0) / (1 + sum over k): several times faster than torch's over a last dimension as short as this.
    """
    leads = (logits[..., 1:] - logits[..., :1]).clamp_(max=LARGEST_LEAD).exp_()
    total = (leads @ leads.new_ones(leads.shape[-1])).add_(1)
    return leads.div_(total[..., None]).nan_to_num_(0.0)
