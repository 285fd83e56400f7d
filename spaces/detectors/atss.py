"""Adaptive training sample selection (ATSS, arXiv:1912.02424, section 4.1): which anchors must find which object."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torchvision.ops import box_iou

CANDIDATES = 9
"""A level and object."""


@torch.no_grad()
def assign(anchors: Tensor, cells: Sequence[int], boxes: Tensor, candidates: int = CANDIDATES) -> Tensor:
    """The index of the object that each anchor must find, -1 for none: (M,).

    anchors (M, 4) and boxes (n, 4) xyxy in pixels, `cells` how many anchors each level has. An object's candidates are,
    on each level, the anchors whose centres are nearest to its own. Those are taken whose IoU with it is at least the
    candidates' mean plus their standard deviation (over n - 1), and whose centre lies inside it; an anchor that several
    objects want goes to the one of highest IoU.
    """
    if len(boxes) == 0:
        return torch.full((len(anchors),), -1, device=anchors.device)
    centres = (anchors[:, :2] + anchors[:, 2:]) / 2
    index, overlaps, least = adaptive_thresholds(anchors, cells, boxes, [candidates] * len(cells))
    edges = torch.cat([centres[index] - boxes[:, None, :2], boxes[:, None, 2:] - centres[index]], dim=-1)
    taken = (overlaps >= least) & (edges.amin(-1) > 0)
    wanted = overlaps.new_full((len(boxes), len(anchors)), -1.0).scatter(1, index, overlaps.masked_fill(~taken, -1.0))
    best, owner = wanted.max(0)
    return torch.where(best >= 0, owner, -1)


def adaptive_thresholds(
    anchors: Tensor, cells: Sequence[int], boxes: Tensor, candidates: Sequence[int]
) -> tuple[Tensor, Tensor, Tensor]:
    """Each object's candidates, (n, c) indices of anchors, their IoUs with it (n, c), and its threshold (n, 1).

    Arguments as of `assign`, but for `candidates`: so many on each level. The threshold is the mean of the candidates'
    IoUs plus their standard deviation.
    """
    centres, own = ((corners[:, :2] + corners[:, 2:]) / 2 for corners in (anchors, boxes))
    squared_distances = (own[:, None] - centres).square().sum(-1)
    chosen, first = [], 0
    for level, count in zip(squared_distances.split(list(cells), dim=1), candidates, strict=True):
        chosen.append(first + level.topk(min(count, level.shape[1]), dim=1, largest=False).indices)
        first += level.shape[1]
    index = torch.cat(chosen, dim=1)
    overlaps = box_iou(boxes, anchors).gather(1, index)
    return index, overlaps, overlaps.mean(1, keepdim=True) + overlaps.std(1, keepdim=True)
