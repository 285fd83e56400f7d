"""MobileNetV1, whose 1x1 convolutions are searchable."""

from collections.abc import Mapping

from torch import Tensor, nn

from spaces.backbones.backbone import IMAGENET_MEAN, IMAGENET_STD, renamed, scaled_channels, unit_modules
from spaces.backbones.real_conv import RealConv
from spaces.layers import MethodsFor, SearchableUnit, UnitShape

STEM_CHANNELS = 32
STAGES = ((64,), (128, 128), (256, 256), (512,) * 6, (1024, 1024))
"""Channels of each block (arXiv:1704.04861, table 1); every stage but the first halves the map in its first block."""


class MobileNetV1(nn.Module):
    """Stem and thirteen depthwise-separable blocks (arXiv:1704.04861) in pre-activation form.

    images (N, 3, H, W) normalised; result {"stage2": (N, C2, H/4, W/4), ..., "stage5": (N, C5, H/32, W/32)}. A block is
    ReLU -> real depthwise convolution -> BatchNorm -> 1x1 unit; the unit's own ReLU belongs to its real alternative. So
    every 1-bit unit and every map takes both signs, and all real it is the published network before its last ReLU.
    1-bit units have shortcuts without parameters, which repeat the channels where their number doubles (ReActNet,
    arXiv:2003.03488, section 4.1).

    Units are called `<prefix>stage<s>.<block>.pointwise`.
    """

    image_mean, image_std = IMAGENET_MEAN, IMAGENET_STD

    stem_name = "stem"

    def __init__(self, width: float, methods_for: MethodsFor, prefix: str = "") -> None:
        super().__init__()
        before = scaled_channels(STEM_CHANNELS, width)
        self.stem = RealConv(3, before, 3, 2)
        self.stages = [f"stage{index}" for index in range(1, len(STAGES) + 1)]
        for name, sizes in zip(self.stages, STAGES, strict=True):
            stage = nn.Sequential()
            for index, channels in enumerate(scaled_channels(size, width) for size in sizes):
                stride = 2 if index == 0 and name != "stage1" else 1
                methods = methods_for(f"{prefix}{name}.{index}.pointwise")
                block = nn.Sequential()
                block.add_module("depthwise", RealConv(before, before, 3, stride, activation="relu", groups=before))
                pointwise = SearchableUnit(UnitShape(before, channels, 1), methods, "free_if_binary")
                block.add_module("pointwise", pointwise)
                stage.add_module(str(index), block)
                before = channels
            self.add_module(name, stage)
        self.channels = {
            name: scaled_channels(sizes[-1], width) for name, sizes in zip(self.stages[1:], STAGES[1:], strict=True)
        }

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        x, features = self.stem(images), {}
        for name in self.stages:
            x = features[name] = self.get_submodule(name)(x)
        return {name: features[name] for name in self.channels}

    def from_published(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The names of the checkpoints that github.com/qfgaohao/pytorch-ssd starts from (`model.<n>.<m>`) to ours."""
        modules = {"model.0.0": "stem.conv", "model.0.1": "stem.bn"}
        blocks = [name for name, module in self.named_modules() if isinstance(module, SearchableUnit)]
        for index, unit in enumerate(blocks, start=1):
            depthwise = f"{unit.removesuffix('.pointwise')}.depthwise"
            modules |= {f"model.{index}.0": f"{depthwise}.conv", f"model.{index}.1": f"{depthwise}.bn"}
            modules |= unit_modules(unit, f"model.{index}.3", f"model.{index}.4")
        return renamed(state, modules)


def mobilenet_v1(width: float, methods_for: MethodsFor, prefix: str = "") -> MobileNetV1:
    """MobileNetV1: thirteen searchable units."""
    return MobileNetV1(width, methods_for, prefix)
