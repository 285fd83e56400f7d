"""The head of GFL: two towers of convolutions that all levels share, and what predicts classes and edges."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Literal

from torch import Tensor, nn

from spaces.layers import MethodsFor, SearchableUnit, UnitShape
from spaces.layers.levels import LevelNorms, at_level

TowerNorm = Literal["group", "level"]
TOWER_DEPTH = 4
GROUP_CHANNELS = 8
"""Channels of one group of a GroupNorm: as published (32 groups of 256 channels), at any width."""


class GFLTowers(nn.Module):
    """Four 3x3 units for the classes and four for the boxes (arXiv:2006.04388; layout of RetinaNet's, 1708.02002).

    Maps (N, C, H_l, W_l) per level to pairs of such maps. norm: `group` is the published GroupNorm, whose mean and
    variance are those of one image and level; `level` is a BatchNorm per level, whose mean and variance are fixed after
    training, so that in front of a sign it is only a threshold per channel (measured in docs/measurements/gfl.md). The
    first unit has no ReLU in front: a pyramid's maps come from linear layers and take both signs, as all maps here do.
    1-bit units have shortcuts.

    Units are called `<prefix>cls.conv1` to `<prefix>box.conv4`.
    """

    def __init__(self, channels: int, levels: int, methods_for: MethodsFor, prefix: str, norm: TowerNorm) -> None:
        super().__init__()
        if norm not in ("group", "level"):
            raise ValueError(f"norm is {norm!r}; allowed are 'group' and 'level'.")
        build_norm = _group_norm if norm == "group" else partial(LevelNorms, levels=levels)

        shape = UnitShape(channels, channels, 3, build_norm=build_norm)

        def tower(name: str) -> nn.Sequential:
            units: OrderedDict[str, nn.Module] = OrderedDict()
            for place in range(1, TOWER_DEPTH + 1):
                units[f"conv{place}"] = SearchableUnit(
                    replace(shape, activation="none") if place == 1 else shape,
                    methods_for(f"{prefix}{name}.conv{place}"),
                    "free_if_binary",
                )
            return nn.Sequential(units)

        self.cls, self.box = tower("cls"), tower("box")

    def forward(self, maps: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
        modules, towered = list(self.modules()), []
        for level, x in enumerate(maps):
            with at_level(modules, level):
                towered.append((self.cls(x), self.box(x)))
        return towered


def _group_norm(channels: int) -> nn.Module:
    return nn.GroupNorm(channels // GROUP_CHANNELS, channels)
