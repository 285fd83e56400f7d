"""Boxes as four distances from an anchor's centre, each the mean of a distribution (arXiv:2006.04388, section 3).

Distances (..., 4) are those of the left, upper, right and lower edge, in strides of the anchor's level; anchors and
boxes (..., 4) are xyxy in pixels. An anchor is a square of 8 strides.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

BINS = 17
"""The distances 0 to 16 strides."""

SIDE = 8
"""Side of an anchor, in strides, as in ATSS (arXiv:1912.02424)."""


def square_anchors(sizes: Sequence[tuple[int, int]], strides: Sequence[int], device: torch.device) -> Tensor:
    """One anchor per cell, around ((column + 0.5), (row + 0.5)) * stride: (M, 4), by level, row, column.

    sizes: (height, width) of each level's map.
    """
    levels = []
    for (height, width), stride in zip(sizes, strides, strict=True):
        y, x = torch.meshgrid(
            (torch.arange(height, device=device) + 0.5) * stride,
            (torch.arange(width, device=device) + 0.5) * stride,
            indexing="ij",
        )
        half = SIDE * stride / 2
        levels.append(torch.stack([x - half, y - half, x + half, y + half], dim=-1).view(-1, 4))
    return torch.cat(levels)


def expected_distances(logits: Tensor) -> Tensor:
    """Logits (..., 4, n) over the distances 0, 1, ..., n - 1 to their means (..., 4)."""
    return logits.softmax(-1) @ torch.arange(logits.shape[-1], dtype=logits.dtype, device=logits.device)


def boxes_at(anchors: Tensor, distances: Tensor) -> Tensor:
    """The boxes whose edges lie so far from the anchors' centres."""
    centres, strides = _centres(anchors), _strides(anchors)
    near, far = distances.split(2, dim=-1)
    return torch.cat([centres - near * strides, centres + far * strides], dim=-1)


def distances_to(anchors: Tensor, boxes: Tensor) -> Tensor:
    """How far the boxes' edges lie from the anchors' centres; negative where a centre lies outside."""
    centres, strides = _centres(anchors), _strides(anchors)
    return torch.cat([centres - boxes[..., :2], boxes[..., 2:] - centres], dim=-1) / strides


def _centres(anchors: Tensor) -> Tensor:
    return (anchors[..., :2] + anchors[..., 2:]) / 2


def _strides(anchors: Tensor) -> Tensor:
    return (anchors[..., 2:3] - anchors[..., :1]) / SIDE
