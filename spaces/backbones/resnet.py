"""ResNet-18 in the Bi-Real layout: every 3x3 convolution is a searchable unit with its own shortcut."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from spaces.layers import MethodsFor, SearchableUnit

STAGE_CHANNELS = (64, 128, 256, 512)


def scaled_channels(channels: int, width: float) -> int:
    """`channels` times `width`, rounded to a multiple of 8 and never less than 8."""
    return max(8, round(channels * width / 8) * 8)


class ResNet(nn.Module):
    """Residual network of two-unit blocks (arXiv:1512.03385, in the layout of arXiv:1808.00278).

    images (N, 3, H, W) normalised; result {"layer1": (N, C1, H/4, W/4), ..., "layer4": (N, C4, H/32, W/32)}. The stem
    stays real and ends without a ReLU: a non-negative map would make the next unit's sign a constant. So all maps
    take both signs, the last ones too.

    Units are called `<prefix>layer<stage>.<block>.conv<1 or 2>`, the names of torchvision's convolutions.
    """

    def __init__(self, blocks: Sequence[int], width: float, methods_for: MethodsFor, prefix: str = "") -> None:
        super().__init__()
        self.channels = {f"layer{s}": scaled_channels(c, width) for s, c in enumerate(STAGE_CHANNELS, start=1)}
        inner = self.channels["layer1"]
        self.conv1 = nn.Conv2d(3, inner, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        for stage, (name, channels) in enumerate(self.channels.items()):
            stride = 1 if stage == 0 else 2
            setattr(self, name, _stage(inner, channels, blocks[stage], stride, methods_for, f"{prefix}{name}"))
            inner = channels

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        x = F.max_pool2d(self.bn1(self.conv1(images)), 3, stride=2, padding=1)
        features = {}
        for name in self.channels:
            x = self.get_submodule(name)(x)
            features[name] = x
        return features


def _stage(
    in_channels: int, channels: int, blocks: int, stride: int, methods_for: MethodsFor, name: str
) -> nn.Sequential:
    stage = nn.Sequential()
    for index in range(blocks):
        block = nn.Sequential()
        first = (in_channels, stride) if index == 0 else (channels, 1)
        for conv, (inner, step) in {"conv1": first, "conv2": (channels, 1)}.items():
            unit = SearchableUnit(inner, channels, 3, step, methods_for(f"{name}.{index}.{conv}"))
            block.add_module(conv, unit)
        stage.add_module(str(index), block)
    return stage


def resnet18(width: float, methods_for: MethodsFor, prefix: str = "") -> ResNet:
    """ResNet-18: blocks (2, 2, 2, 2), sixteen searchable units."""
    return ResNet((2, 2, 2, 2), width, methods_for, prefix)
