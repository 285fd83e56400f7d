"""ResNets of searchable units, in the Bi-Real layout or in torchvision's own."""

from collections.abc import Mapping, Sequence
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from spaces.backbones.backbone import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Layout,
    renamed,
    scaled_channels,
    unit_modules,
)
from spaces.backbones.residual_block import ResidualBlock, basic_block, bottleneck
from spaces.layers import MethodsFor

STAGE_CHANNELS = (64, 128, 256, 512)
EXPANSION = {"basic": 1, "bottleneck": 4}
"""Channels at the end of a block, as a multiple of those inside."""


class ResNet(nn.Module):
    """Residual network of basic blocks or bottlenecks (arXiv:1512.03385), all of whose block convolutions are units.

    images (N, 3, H, W) normalised; result {"layer1": (N, C1, H/4, W/4), ..., "layer4": (N, C4, H/32, W/32)}. Layout
    `bireal` (arXiv:1808.00278) is the one to search; `plain` is torchvision's network when all real, each map before
    its last ReLU. The stem is real unless opened and ends without a ReLU: a non-negative map would make the
    next unit's sign a constant. So all maps take both signs, the last ones too.

    Units are called `<prefix>layer<stage>.<block>.conv<n>`, the names of torchvision's convolutions.
    """

    image_mean, image_std = IMAGENET_MEAN, IMAGENET_STD

    stem_name = "conv1"

    def __init__(
        self,
        blocks: Sequence[int],
        kind: Literal["basic", "bottleneck"],
        width: float,
        methods_for: MethodsFor,
        prefix: str = "",
        layout: Layout = "bireal",
    ) -> None:
        super().__init__()
        self.layout = layout
        build, times = {"basic": basic_block, "bottleneck": bottleneck}[kind], EXPANSION[kind]
        inside = {f"layer{s}": scaled_channels(c, width) for s, c in enumerate(STAGE_CHANNELS, start=1)}
        self.channels = {name: channels * times for name, channels in inside.items()}
        before = inside["layer1"]
        self.conv1 = nn.Conv2d(3, before, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(before)
        for (name, channels), count in zip(inside.items(), blocks, strict=True):
            stage = nn.Sequential()
            for index in range(count):
                stride = 2 if index == 0 and name != "layer1" else 1
                block = build(before, channels, stride, layout, methods_for, f"{prefix}{name}.{index}")
                stage.add_module(str(index), block)
                before = channels * times
            self.add_module(name, stage)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        x = F.max_pool2d(self.bn1(self.conv1(images)), 3, stride=2, padding=1)
        features = {}
        for name in self.channels:
            x = self.get_submodule(name)(x)
            features[name] = x
        return features

    def from_published(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """torchvision's names to ours. In the `bireal` layout its tensors are a start, not the published function."""
        modules: dict[str, str] = {}
        for name, block in self.named_modules():
            if isinstance(block, ResidualBlock):
                for unit, _ in block.named_children():
                    if unit.startswith("conv"):
                        modules |= unit_modules(f"{name}.{unit}", f"{name}.{unit}", f"{name}.bn{unit[-1]}")
                if self.layout == "bireal":  # behind the pooling that torchvision doesn't have
                    inside = "conv1.shortcut" if block.downsample is None else "downsample"
                    modules |= {f"{name}.downsample.{i}": f"{name}.{inside}.{i + 1}" for i in (0, 1)}
        return renamed(state, modules)


def resnet18(width: float, methods_for: MethodsFor, prefix: str = "", layout: Layout = "bireal") -> ResNet:
    """ResNet-18: blocks (2, 2, 2, 2), sixteen searchable units."""
    return ResNet((2, 2, 2, 2), "basic", width, methods_for, prefix, layout)


def resnet34(width: float, methods_for: MethodsFor, prefix: str = "", layout: Layout = "bireal") -> ResNet:
    """ResNet-34: blocks (3, 4, 6, 3), thirty-two searchable units."""
    return ResNet((3, 4, 6, 3), "basic", width, methods_for, prefix, layout)


def resnet50(width: float, methods_for: MethodsFor, prefix: str = "", layout: Layout = "bireal") -> ResNet:
    """ResNet-50: bottlenecks (3, 4, 6, 3), forty-eight searchable units; the stride is in the 3x3 convolution."""
    return ResNet((3, 4, 6, 3), "bottleneck", width, methods_for, prefix, layout)
