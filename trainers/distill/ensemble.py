"""Several teachers for one term: which of them teach in a step, and how their outputs are averaged."""

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
from trainers.seeding import common_seed

ENSEMBLE = "ensemble"
"""The value of a teacher knob that means all members of the ensemble."""

Mode = Literal["sum_losses", "random_teacher", "average_features", "average_responses"]
MODES: tuple[Mode, ...] = get_args(Mode)

AVERAGED: dict[str, str] = {"average_features": "features", "average_responses": "responses"}
"""The part of outputs that a mode averages; terms that read another part can't be taught by the average."""


@dataclass(frozen=True)
class Ensemble:
    """The teachers that a term's `ensemble` means, and how they teach together.

    `sum_losses` adds the term's loss against each; `random_teacher` draws one per step, all equally often, as MEAL does
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
        """The teachers of all terms in this step, by name: members, or `ensemble` itself for an average.

        A member is drawn from the seed that a training sets at every step, not from the state of torch's generator, so
        that other draws don't change the teacher, and processes that share a batch have the same one.
        """
        if self.mode == "sum_losses":
            return self.members
        if self.mode == "random_teacher":
            return (random.Random(common_seed()).choice(self.members),)
        return (ENSEMBLE,)

    def average(self, outputs: Sequence[DetectorOutput]) -> DetectorOutput:
        """One output from the members', in the sizes of the first; only the averaged part is valid."""
        if self.mode == "average_features":
            return average_features(outputs)
        return average_responses(outputs)


def average_features(outputs: Sequence[DetectorOutput]) -> DetectorOutput:
    """Mean of each pyramid level that all have, (N, C, H, W), with maps resized to the first's size (bilinear).

    Raises ValueError for a level with different channels.
    """
    first, *others = outputs
    levels = [level for level in first.features if all(level in other.features for other in others)]
    averaged = {}
    for level in levels:
        maps = [output.features[level] for output in outputs]
        if len({x.shape[1] for x in maps}) > 1:
            channels = ", ".join(str(x.shape[1]) for x in maps)
            raise ValueError(f"Level {level} of the ensemble's teachers has {channels} channels: no average of these.")
        averaged[level] = torch.stack([resized_like(x, maps[0]) for x in maps]).mean(0)
    return replace(first, features=averaged, second_stage=None)


def average_responses(outputs: Sequence[DetectorOutput]) -> DetectorOutput:
    """Mean probabilities, as logits, of classes, edge distributions and the boxes' quality.

    Offsets are averaged directly; there is a quality only if all outputs have one. Raises ValueError if anchors or
    shapes differ.
    """
    first = outputs[0].responses
    all_responses = [output.responses for output in outputs]
    for responses in all_responses[1:]:
        check_same_anchors(first, responses)
    per_cell = [box.shape[1] // (4 * (first.bins or 1)) for box in first.box]
    cls = [
        _mean_scores(list(level), boxes, first.activation)
        for level, boxes in zip(zip(*(each.cls for each in all_responses), strict=True), per_cell, strict=True)
    ]
    box = [
        torch.stack(level).mean(0)
        if first.bins is None
        else _mean_scores(list(level), level[0].shape[1] // first.bins, "softmax")
        for level in zip(*(each.box for each in all_responses), strict=True)
    ]
    quality = None
    qualities = [each.quality for each in all_responses if each.quality is not None]
    if len(qualities) == len(all_responses):
        quality = [_mean_sigmoid(list(level)) for level in zip(*qualities, strict=True)]
    averaged = replace(first, cls=cls, box=box, quality=quality)
    return replace(outputs[0], responses=averaged, second_stage=None)


def _mean_scores(maps: list[Tensor], groups: int, activation: str) -> Tensor:
    """Maps (N, groups * K, H, W) of logits to the logits of their mean probability, a softmax over K or sigmoids."""
    if activation == "sigmoid":
        return _mean_sigmoid(maps)
    n, channels, height, width = maps[0].shape
    grouped = torch.stack(maps).view(len(maps), n, groups, channels // groups, height, width)
    mean = torch.logsumexp(F.log_softmax(grouped, dim=3), dim=0)  # up to a constant, which a softmax doesn't see
    return mean.view(n, channels, height, width)


def _mean_sigmoid(maps: list[Tensor]) -> Tensor:
    stacked = torch.stack(maps)
    return torch.logsumexp(F.logsigmoid(stacked), 0) - torch.logsumexp(F.logsigmoid(-stacked), 0)
