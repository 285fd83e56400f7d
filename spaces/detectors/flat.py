"""Responses by level as responses by anchor."""

import torch
from torch import Tensor

from spaces.detectors.contract import Responses


def by_anchor(levels: list[Tensor], size: int) -> Tensor:
    """Levels (N, A * size, H, W) to (N, M, size), in the anchors' order."""
    return torch.cat([x.permute(0, 2, 3, 1).reshape(len(x), -1, size) for x in levels], dim=1)


def flat_cls(responses: Responses) -> Tensor:
    """The scores (N, M, K) of all anchors: logits."""
    anchors_a_cell = responses.box[0].shape[1] // (4 * (responses.bins or 1))
    return by_anchor(responses.cls, responses.cls[0].shape[1] // anchors_a_cell)


def flat_box(responses: Responses) -> Tensor:
    """The boxes of all anchors: offsets (N, M, 4), or the logits (N, M, 4, bins) of their edges' distributions."""
    if responses.bins is None:
        return by_anchor(responses.box, 4)
    return by_anchor(responses.box, 4 * responses.bins).unflatten(-1, (4, responses.bins))
