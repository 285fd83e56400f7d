"""SSD300 on VGG: the published six levels, searchable or as torchvision has it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, nn

from spaces.backbones.backbone import CAFFE_MEAN, CAFFE_STD, Layout, is_plain, renamed, scaled_channels
from spaces.backbones.real_conv import RealConv
from spaces.backbones.vgg import VGG, VGGBlock
from spaces.detectors.anchors import SSD300_BOXES, DefaultBoxes
from spaces.detectors.contract import DetectorOutput, Heads, Target
from spaces.detectors.published_classes import fit_predictors, report_predictors
from spaces.detectors.ssd import SingleShot
from spaces.detectors.ssd_decode import USUAL
from spaces.layers import MethodsFor, SearchableUnit, UnitShape
from spaces.layers.norms import ScaledL2Norm
from spaces.layers.opened import ActivatedConv2d
from spaces.layers.shortcuts import ShortcutKind

CLASSIFIER_CHANNELS = 1024
EXTRA_CHANNELS = ((256, 512), (128, 256), (128, 256), (128, 256))
"""Channels of each extra level's 1x1 and 3x3 convolution. The first two levels halve the map; the others don't pad."""


class SSD300(SingleShot):
    """SSD300 (arXiv:1512.02325): maps of 38, 19, 10, 5, 3 and 1 cells a side, p3 to p8, on VGG-11 or VGG-16.

    Layout `bireal`: VGG's convolutions, the dilated one behind it (`extra.fc6.conv`) and those of the extra levels are
    searchable units; the first convolution, the 1x1 one behind the dilated (`extra.fc7`) and the heads are real, as in
    BiDet's published code (LWS-Det, on the same network, keeps the extra levels real too: `keep_real: [extra.levels]`).
    BatchNorm stands in place of the paper's normalisation of the finest map. Layout `plain`, all real, is torchvision's
    `ssd300_vgg16`, without BatchNorms; its detections are limited as there.
    """

    def __init__(
        self,
        convolutions: Sequence[int],
        num_classes: int,
        image_size: int,
        width: float,
        heads: Heads,
        methods_for: MethodsFor,
        layout: Layout = "bireal",
    ) -> None:
        plain = is_plain(layout)
        backbone = VGG(convolutions, width, methods_for, "backbone.", layout)
        finest, before = backbone.channels["stage4"], backbone.channels["stage5"]
        extra = ExtraLevels(before, width, methods_for, "extra.", layout)
        channels = {f"p{level}": c for level, c in enumerate([finest, *extra.channels], start=3)}
        norms = nn.ModuleDict({name: nn.Identity() for name in channels})
        norms["p3"] = ScaledL2Norm(finest) if plain else nn.BatchNorm2d(finest)
        limits = replace(USUAL, each_class=True, after_nms=200)
        boxes = DefaultBoxes(image_size, SSD300_BOXES)
        super().__init__(backbone, extra, channels, norms, boxes, num_classes, heads, limits)

    def forward(
        self, images: list[Tensor], targets: list[Target] | None = None, proposals: list[Tensor] | None = None
    ) -> DetectorOutput:
        """See `contract`. The images are normalised as the backbone's current weights need it."""
        self.transform.image_mean = list(self.backbone.image_mean)
        self.transform.image_std = list(self.backbone.image_std)
        return super().forward(images, targets, proposals)

    def from_published(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The names of torchvision's `ssd300_vgg16` to those of the `plain` layout.

        Class predictors of other classes than ours are fitted or left out, see `published_classes`.
        """
        numbers = cast(VGG, self.backbone).convolutions_by_number(2)
        finer = {n: name for n, name in numbers.items() if not name.startswith("stage5.")}
        modules = {f"backbone.features.{n}": f"backbone.{name}" for n, name in finer.items()}
        # There stage 5 begins a sequence of its own, with its pooling as number 0.
        first = min(n for n, name in numbers.items() if name.startswith("stage5."))
        coarser = {n - first + 1: name for n, name in numbers.items() if n not in finer}
        modules |= {f"backbone.extra.0.{n}": f"backbone.{name}" for n, name in coarser.items()}
        behind = max(coarser) + 2
        modules |= {f"backbone.extra.0.{behind}.1": "extra.fc6.conv", f"backbone.extra.0.{behind}.3": "extra.fc7"}
        for index in range(len(EXTRA_CHANNELS)):
            modules |= {f"backbone.extra.{index + 1}.{2 * n}": f"extra.levels.{index}.{n}" for n in (0, 1)}
        for index in range(len(self.cls_heads)):
            modules[f"head.classification_head.module_list.{index}"] = f"cls_heads.{index}"
            modules[f"head.regression_head.module_list.{index}"] = f"box_heads.{index}"
        named = renamed(state, modules)
        if (scale := named.pop("backbone.scale_weight", None)) is not None:
            named["norms.p3.scale"] = scale
        if cast(VGG, self.backbone).normalisation is not None and "backbone.stem.weight" in named:
            named["backbone.normalisation"] = torch.tensor((CAFFE_MEAN, CAFFE_STD))
        heads = {f"cls_heads.{i}.{kind}": 1 for i in range(len(self.cls_heads)) for kind in ("weight", "bias")}
        return fit_predictors(named, heads, self._published_rows(state), self.num_classes + 1)

    def report_published(self, state: Mapping[str, Tensor]) -> list[str]:
        """Report what happens to the class predictors."""
        return report_predictors(self._published_rows(state), self.num_classes + 1)

    def _published_rows(self, state: Mapping[str, Tensor]) -> int:
        bias = state.get("head.classification_head.module_list.0.bias")
        return 0 if bias is None else bias.numel() // self.boxes.per_cell[0]


class ExtraLevels(nn.Module):
    """SSD300's layers behind VGG: the dilated convolution, a 1x1 one, and four pairs of 1x1 and 3x3 ones.

    VGG's maps by name to levels by name, all of both signs. p3 is stage 4's map as it is. From stage 5's, (N, C, H, W)
    of stride 16, come p4 (N, C4, H, W), p5 of half its size, p6 of half again, p7 and p8, each by two cells smaller.
    Units are called `<prefix>fc6.conv` and `<prefix>levels.<n>.<0 or 1>`.
    """

    def __init__(self, in_channels: int, width: float, methods_for: MethodsFor, prefix: str, layout: Layout) -> None:
        super().__init__()
        plain = is_plain(layout)
        between = scaled_channels(CLASSIFIER_CHANNELS, width)
        around: ShortcutKind = "none" if plain else "free_if_binary"
        dilated = UnitShape(in_channels, between, 3, dilation=6, bare=plain)
        fc6 = SearchableUnit(dilated, methods_for(f"{prefix}fc6.conv"), around, bias=plain)
        self.fc6 = VGGBlock(fc6, (3, 1))
        self.fc7: nn.Module = (
            ActivatedConv2d(between, between, 1) if plain else RealConv(between, between, 1, 1, activation="relu")
        )
        self.levels = nn.ModuleList()
        self.channels, before = [between], between
        for index, sizes in enumerate(EXTRA_CHANNELS):
            narrow, wide = (scaled_channels(size, width) for size in sizes)
            stride, pad = (2, 1) if index < 2 else (1, 0)
            reduce, grow = (methods_for(f"{prefix}levels.{index}.{n}") for n in (0, 1))
            first = UnitShape(before, narrow, 1, bare=plain)
            second = UnitShape(narrow, wide, 3, stride, pad=pad, bare=plain)
            units = (
                SearchableUnit(first, reduce, "none", bias=plain),
                SearchableUnit(second, grow, "none", bias=plain),
            )
            self.levels.append(nn.Sequential(*units))
            self.channels.append(wide)
            before = wide

    def forward(self, maps: dict[str, Tensor]) -> dict[str, Tensor]:
        x = self.fc7(self.fc6(maps["stage5"]))
        levels = {"p3": maps["stage4"], "p4": x}
        for index, level in enumerate(self.levels):
            x = levels[f"p{index + 5}"] = level(x)
        return levels
