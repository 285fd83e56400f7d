"""The blocks of a ResNet: where the shortcuts lie in each layout."""

from torch import Tensor, nn

from spaces.backbones.backbone import Layout, is_plain
from spaces.layers import MethodsFor, SearchableUnit, UnitShape
from spaces.layers.shortcuts import ShortcutKind, build_shortcut


class ResidualBlock(nn.Module):
    """Units one after the other, and a shortcut around them all where there is one. (N, Ci, H, W) to (N, Co, H', W').

    after_relu: the shortcut carries relu(x), as in the published networks, whose blocks end with a ReLU; here it is
    the first thing in the next block, so that what lies between takes both signs.
    """

    def __init__(self, units: dict[str, SearchableUnit], downsample: nn.Module | None, after_relu: bool) -> None:
        super().__init__()
        self.after_relu = after_relu
        self._units = tuple(units)
        for name, unit in units.items():
            self.add_module(name, unit)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for name in self._units:
            y = self.get_submodule(name)(y)
        if self.downsample is None:
            return y
        return y + self.downsample(x.relu() if self.after_relu else x)


def basic_block(
    in_channels: int, channels: int, stride: int, layout: Layout, methods_for: MethodsFor, name: str
) -> ResidualBlock:
    """Two 3x3 units: each with its own shortcut (`bireal`, arXiv:1808.00278, section 3.1), or one around both."""
    plain = is_plain(layout)
    around: ShortcutKind = "none" if plain else "projected"
    places = {"conv1": (in_channels, stride), "conv2": (channels, 1)}
    units = {
        key: SearchableUnit(UnitShape(inner, channels, 3, step), methods_for(f"{name}.{key}"), around)
        for key, (inner, step) in places.items()
    }
    return ResidualBlock(units, _downsample(in_channels, channels, stride) if plain else None, after_relu=plain)


def bottleneck(
    in_channels: int, channels: int, stride: int, layout: Layout, methods_for: MethodsFor, name: str
) -> ResidualBlock:
    """1x1, 3x3 and 1x1 units to four times as many channels.

    `bireal`: the first two have shortcuts without parameters (the mean over groups of channels, pooling), and the
    block's shortcut is the third's: with one of its own, the chain of all three would add the input to itself, and a
    stage of six blocks would multiply its mean over groups by 64.
    """
    plain = is_plain(layout)
    around: ShortcutKind = "none" if plain else "free"
    places = {
        "conv1": UnitShape(in_channels, channels, 1),
        "conv2": UnitShape(channels, channels, 3, stride),
        "conv3": UnitShape(channels, 4 * channels, 1),
    }
    units = {
        key: SearchableUnit(shape, methods_for(f"{name}.{key}"), "none" if key == "conv3" else around)
        for key, shape in places.items()
    }
    if plain:
        return ResidualBlock(units, _downsample(in_channels, 4 * channels, stride), after_relu=True)
    return ResidualBlock(units, build_shortcut("projected", in_channels, 4 * channels, stride), after_relu=False)


def _downsample(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """torchvision's: a strided 1x1 convolution where the shape changes, under its names."""
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    convolution = nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(out_channels))
