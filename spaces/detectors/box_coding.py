"""Boxes as offsets from anchors (arXiv:1506.01497, section 3.1.2), and the matching of SSD."""

import math

import torch
from torch import Tensor

Scales = tuple[float, float, float, float]
"""Factors of the offsets of centre x, centre y, width and height: the inverse of what SSD calls variances."""

UNSCALED: Scales = (1.0, 1.0, 1.0, 1.0)
LARGEST_GROWTH = math.log(1000 / 16)
"""Bound on the logarithm of a box's side over its anchor's, so that exp can't overflow."""


def encode(boxes: Tensor, anchors: Tensor, scales: Scales) -> Tensor:
    """Offsets (..., P, 4) of boxes (..., P, 4) xyxy from anchors (P, 4) xyxy.

    Centre: scale * (box's centre - anchor's centre) / anchor's side. Side: scale * log(box's side / anchor's side).
    """
    factors = boxes.new_tensor(scales)
    (x, y, width, height), (at_x, at_y, at_width, at_height) = _centred(boxes), _centred(anchors)
    return torch.stack(
        [
            factors[0] * (x - at_x) / at_width,
            factors[1] * (y - at_y) / at_height,
            factors[2] * torch.log(width / at_width),
            factors[3] * torch.log(height / at_height),
        ],
        dim=-1,
    )


def decode(offsets: Tensor, anchors: Tensor, scales: Scales) -> Tensor:
    """Boxes (P, 4) xyxy, from offsets (P, 4) and anchors (P, 4) xyxy: the inverse of `encode`."""
    at_x, at_y, at_width, at_height = _centred(anchors.to(offsets.dtype))
    dx, dy, dw, dh = (offset / scale for offset, scale in zip(offsets.unbind(1), scales, strict=True))
    x, y = dx * at_width + at_x, dy * at_height + at_y
    half_width = 0.5 * (dw.clamp(max=LARGEST_GROWTH).exp() * at_width)
    half_height = 0.5 * (dh.clamp(max=LARGEST_GROWTH).exp() * at_height)
    return torch.stack([x - half_width, y - half_height, x + half_width, y + half_height], dim=1)


def match(iou: Tensor, least: float) -> Tensor:
    """The index of each anchor's object, -1 for none, (M,), from their IoU (objects, M).

    An anchor takes the object that it overlaps most, by `least` or more; each object takes its best anchor in any case
    (arXiv:1512.02325, section 2.2).
    """
    overlap, owners = iou.max(0)
    owners[overlap < least] = -1
    owners[iou.max(1).indices] = torch.arange(len(iou), device=iou.device)
    return owners


def _centred(boxes: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    left, top, right, bottom = boxes.unbind(-1)
    width, height = right - left, bottom - top
    return left + 0.5 * width, top + 0.5 * height, width, height
