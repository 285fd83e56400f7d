"""Several teachers for one term: who teaches in a step, and what an average of teachers is."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from spaces.detectors import DetectorOutput
from trainers.distill.adapters import resized_like
from trainers.distill.anchor_responses import check_same_anchors

ENSEMBLE = "ensemble"
"""The choice of a teacher knob that stands for several."""

Mode = Literal["sum_losses", "random_teacher", "average_features", "average_responses"]
MODES: tuple[Mode, ...] = get_args(Mode)

AVERAGED: dict[str, str] = {"average_features": "features", "average_responses": "responses"}
"""What the modes that make one teacher of several make it of; terms that read anything else can't be taught by it."""


@dataclass(frozen=True)
class Ensemble:
    """The teachers that a term's `ensemble` means, and how they teach together.

    `sum_losses` adds the term's loss against each; `random_teacher` draws one a step, all equally often, as MEAL does
    (arXiv:1812.02425, section 3); `average_features` and `average_responses` make one teacher of them. That these are
    the ways in which Dong et al. (Applied Intelligence 52, 2021) combine teachers is our reading: their paper is not
    public.
    """

    members: tuple[str, ...]
    mode: Mode = "sum_losses"

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"The mode is {self.mode!r}, must be {', '.join(MODES)}.")

    def behind(self, name: str) -> tuple[str, ...]:
        """The teachers of the pool that a teacher's name stands for."""
        return self.members if name == ENSEMBLE else (name,)

    def taught_by(self) -> tuple[str, ...]:
        """Whom all terms meet in this step, by name: members, or `ensemble` itself where it is an average.

        A member is drawn from the seed that a training gives torch at every step, not from what is left of its stream:
        whatever else a candidate draws, it meets the same teachers.
        """
        if self.mode == "sum_losses":
            return self.members
        if self.mode == "random_teacher":
            return (random.Random(torch.initial_seed()).choice(self.members),)
        return (ENSEMBLE,)

    def average(self, outputs: Sequence[DetectorOutput]) -> DetectorOutput:
        """One output of the members', in the sizes of the first; only what the mode averages is to be read."""
        if self.mode == "average_features":
            return average_features(outputs)
        return average_responses(outputs)


def average_features(outputs: Sequence[DetectorOutput]) -> DetectorOutput:
    """Mean of each pyramid level that all have, (N, C, H, W), maps of another size resized (bilinear).

    Raises ValueError for a level with different channels.
    """
    first, *others = outputs
    levels = [level for level in first.features if all(level in one.features for one in others)]
    averaged = {}
    for level in levels:
        maps = [one.features[level] for one in outputs]
        if len({x.shape[1] for x in maps}) > 1:
            channels = ", ".join(str(x.shape[1]) for x in maps)
            raise ValueError(f"Level {level} of the ensemble's teachers has {channels} channels: no average of these.")
        averaged[level] = torch.stack([resized_like(x, maps[0]) for x in maps]).mean(0)
    return replace(first, features=averaged, second_stage=None)


def average_responses(outputs: Sequence[DetectorOutput]) -> DetectorOutput:
    """Mean of probabilities, given back as logits: of classes, of edge distributions, of the boxes' quality.

    Offsets are averaged as they are; there is a quality where all have one. Raises ValueError where the anchors or the
    shapes differ.
    """
    first = outputs[0].responses
    for one in outputs[1:]:
        check_same_anchors(first, one.responses)
    all_of = [one.responses for one in outputs]
    per_cell = [box.shape[1] // (4 * (first.bins or 1)) for box in first.box]
    cls = [
        _mean_scores(list(level), boxes, first.activation)
        for level, boxes in zip(zip(*(one.cls for one in all_of), strict=True), per_cell, strict=True)
    ]
    box = [
        torch.stack(level).mean(0)
        if first.bins is None
        else _mean_scores(list(level), level[0].shape[1] // first.bins, "softmax")
        for level in zip(*(one.box for one in all_of), strict=True)
    ]
    quality = None
    qualities = [one.quality for one in all_of if one.quality is not None]
    if len(qualities) == len(all_of):
        quality = [_mean_sigmoid(list(level)) for level in zip(*qualities, strict=True)]
    averaged = replace(first, cls=cls, box=box, quality=quality)
    return replace(outputs[0], responses=averaged, second_stage=None)


def _mean_scores(maps: list[Tensor], groups: int, activation: str) -> Tensor:
    """Maps (N, groups * K, H, W) of logits to the logits of their mean probability, over K or each alone."""
    if activation == "sigmoid":
        return _mean_sigmoid(maps)
    n, channels, height, width = maps[0].shape
    grouped = torch.stack(maps).view(len(maps), n, groups, channels // groups, height, width)
    mean = torch.logsumexp(F.log_softmax(grouped, dim=3), dim=0)  # up to a constant, which a softmax doesn't see
    return mean.view(n, channels, height, width)


def _mean_sigmoid(maps: list[Tensor]) -> Tensor:
    stacked = torch.stack(maps)
    return torch.logsumexp(F.logsigmoid(stacked), 0) - torch.logsumexp(F.logsigmoid(-stacked), 0)
