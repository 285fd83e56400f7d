"""IDa-Det's information discrepancy: hints where student and teacher differ most, and only there (ECCV 2022).

Among candidate boxes, those are selected whose content differs most between the two networks; feature terms then count
the places under them. The paper's candidates are both networks' proposals. Ours are the objects and the student's
positive anchors: they need no pass through either network and fit teachers of any kind. The paper's entropy loss isn't
included: any term that takes `Places` may be masked. Equations are numbered as in the book by its authors (Binary
Neural Networks, CRC Press 2023, 6.83 ff.).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.ops import box_iou, roi_align

from spaces.detectors import DetectorOutput
from spaces.whole_batch import mean
from trainers.distill.adapters import Pairs
from trainers.distill.imitation import level_anchors

SHARE = 0.6
"""gamma: the share of an image's candidates that is selected."""

PATCH = 4
"""Rows and columns of values at which a box is read from a map."""

LEAST_VARIANCE = 1e-6


@dataclass(frozen=True)
class Candidates:
    """Boxes (P, 4) xyxy in pixels, the image of each (P,), and the index of its level among the shared ones (P,)."""

    boxes: Tensor
    images: Tensor
    levels: Tensor


@torch.no_grad()
def discrepant_places(student: DetectorOutput, pairs: Pairs) -> dict[str, Tensor]:
    """The places under the boxes that differ most, by level: (N, H, W) of 1 or 0.

    A box is read on one level (its anchor's, an object's best anchor's), and counts on all. Raises ValueError when the
    student ran without targets.
    """
    anchors = level_anchors(student.responses, list(student.features))
    shared = {level: anchors[level] for level in pairs}
    candidates = _candidates(student, anchors, shared)
    differences = candidates.boxes.new_zeros(len(candidates.boxes))
    for number, (level, (ours, theirs)) in enumerate(pairs.items()):
        here = candidates.levels == number
        cells = in_cells(candidates.boxes[here], shared[level])
        differences[here] = discrepancies(ours, theirs, cells, candidates.images[here])
    masks: dict[str, Tensor] = {level: ours.new_zeros(len(ours), *ours.shape[2:]) for level, (ours, _) in pairs.items()}
    for image in range(len(student.targets)):
        own = (candidates.images == image).nonzero()[:, 0]
        chosen = own[differences[own].topk(math.ceil(SHARE * len(own))).indices]
        for level, mask in masks.items():
            mask[image] = rectangles(in_cells(candidates.boxes[chosen], shared[level]), mask.shape[1:])
    return masks


def discrepancies(ours: Tensor, theirs: Tensor, boxes: Tensor, images: Tensor) -> Tensor:
    """How far the content of each box differs between two maps (N, C, H, W): (P,), 0 for equal content.

    boxes (P, 4) in cells, images (P,). With R_c the box's values in channel c, epsilon = mean_c (R^t_c - R^s_c)^T
    Sigma_c^-1 (R^t_c - R^s_c), a Mahalanobis distance under a Gaussian per channel (eq. 6.83). As Sigma we take one
    variance per channel, over the batch's values in both maps: a box of one or two cells is too small for its own.
    Means, not sums, over channels and places: levels differ in their channels.
    """
    rois = torch.cat([images[:, None].to(boxes.dtype), boxes], dim=1)
    student, teacher = (roi_align(x, rois, PATCH, sampling_ratio=1, aligned=True) for x in (ours, theirs))
    variance, average = torch.var_mean(torch.cat([ours, theirs]), (0, 2, 3), correction=0)
    variance = mean(variance + (average - mean(average)).square())  # over all processes
    return ((teacher - student).square().mean((2, 3)) / variance.clamp(min=LEAST_VARIANCE)).mean(1)


def in_cells(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Boxes (P, 4) xyxy in pixels as columns and rows of a level's map, whose first cell spans 0 to 1.

    anchors (H, W, A, 4), around the cells' centres. Along a side of one cell every coordinate is that cell's centre.
    """
    centres = (anchors[:, :, 0, :2] + anchors[:, :, 0, 2:]) / 2
    first = centres[0, 0]
    steps = torch.full_like(first, torch.inf)
    if anchors.shape[1] > 1:
        steps[0] = centres[0, 1, 0] - first[0]
    if anchors.shape[0] > 1:
        steps[1] = centres[1, 0, 1] - first[1]
    return (boxes - first.repeat(2)) / steps.repeat(2) + 0.5


def rectangles(boxes: Tensor, size: torch.Size) -> Tensor:
    """The cells of a map of this (H, W) that one of the boxes (P, 4), in cells, reaches into: bools."""
    columns, rows = (torch.arange(length, device=boxes.device) for length in (size[1], size[0]))
    across = (columns + 1 > boxes[:, :1]) & (columns < boxes[:, 2:3])
    down = (rows + 1 > boxes[:, 1:2]) & (rows < boxes[:, 3:])
    return (down[:, :, None] & across[:, None]).any(0)


def _candidates(student: DetectorOutput, anchors: dict[str, Tensor], shared: dict[str, Tensor]) -> Candidates:
    """The objects and the positive anchors on the shared levels."""
    counts = [x[..., 0].numel() for x in anchors.values()]
    positive = dict(zip(anchors, (student.assignment.labels > 0).split(counts, dim=1), strict=True))
    flat = torch.cat([x.reshape(-1, 4) for x in shared.values()])
    sizes = torch.tensor([x[..., 0].numel() for x in shared.values()], device=flat.device)
    level_of = torch.arange(len(shared), device=flat.device).repeat_interleave(sizes)
    positive_anchors = torch.cat([positive[level] for level in shared], dim=1)
    boxes, images, levels = [], [], []
    for image, target in enumerate(student.targets):
        objects, matched = target["boxes"].to(flat.dtype), positive_anchors[image]
        boxes += [objects, flat[matched]]
        levels += [level_of[box_iou(objects, flat).argmax(1)], level_of[matched]]
        images.append(torch.full((len(objects) + int(matched.sum()),), image, device=flat.device))
    return Candidates(torch.cat(boxes), torch.cat(images), torch.cat(levels))
