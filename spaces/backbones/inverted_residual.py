"""Networks of inverted residual blocks, in pre-activation form: what MobileNetV2 and EfficientNet-Lite share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from spaces.backbones.backbone import renamed, scaled_channels, unit_modules
from spaces.backbones.real_conv import RealConv
from spaces.layers import MethodsFor, SearchableUnit, UnitShape


@dataclass(frozen=True)
class Stage:
    """Blocks of one width: expansion factor, channels at their end, how many, the first one's stride, kernel."""

    expansion: int
    channels: int
    blocks: int
    stride: int
    kernel: int = 3


@dataclass(frozen=True)
class Family:
    """The numbers and names of a published network, for any width.

    stem, head: channels of the first, real convolution and of the last, 1x1 one. end_padding: see `RealConv`. Names are
    those of a checkpoint's modules, a convolution and its BatchNorm: of the stem, of the head, and of each block,
    counted from 0, under `expand` (where there is one), `depthwise` and `project`.
    """

    stages: tuple[Stage, ...]
    stem: int
    head: int
    image_mean: tuple[float, float, float]
    image_std: tuple[float, float, float]
    stem_names: tuple[str, str]
    head_names: tuple[str, str]
    block_names: Callable[[int, bool], dict[str, tuple[str, str]]]
    norm_eps: float = 1e-5
    end_padding: bool = False


class InvertedResidual(nn.Module):
    """1x1 expansion, depthwise convolution, 1x1 projection (arXiv:1801.04381, section 3.3), as linear maps between.

    (N, Ci, H, W) to (N, Co, H / stride, W / stride), both of any sign. Each ReLU6 stands in front of the convolution
    that it feeds: the expansion has none, as its input is linear; the depthwise convolution, real unless opened, has
    one; the projection's belongs to its real alternative. So every 1-bit unit sees both signs, and all real it is the
    published block. 1-bit units have a shortcut without parameters of their own where one number of channels is a
    multiple of the other (all expansions; few projections); the block's lies round all three.
    """

    def __init__(self, in_channels: int, stage: Stage, stride: int, end_padding: bool, units: MethodsFor) -> None:
        super().__init__()
        inner = in_channels * stage.expansion
        self.stride = stride
        self.expand = None
        if stage.expansion > 1:
            self.expand = SearchableUnit(
                UnitShape(in_channels, inner, 1, activation="none"), units("expand"), "free_if_binary"
            )
        self.depthwise = RealConv(
            inner, inner, stage.kernel, stride, activation="relu6", groups=inner, end_padding=end_padding
        )
        self.project = SearchableUnit(
            UnitShape(inner, stage.channels, 1, activation="relu6"), units("project"), "free_if_binary"
        )
        self.residual = stride == 1 and in_channels == stage.channels

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The block's result, and the expanded map that its depthwise convolution reads."""
        expanded = x if self.expand is None else self.expand(x)
        y = self.project(self.depthwise(expanded))
        return (y + x if self.residual else y), expanded


class InvertedResidualNetwork(nn.Module):
    """Stem, stages of inverted residuals, and a last 1x1 unit; every 1x1 convolution is a searchable unit.

    images (N, 3, H, W) normalised. The maps are expanded ones, where SSDLite takes them (arXiv:1801.04381, section
    6.2): of strides 4, 8 and 16 the expansions in front of the depthwise convolutions that leave this stride, of stride
    32 the last unit. Units are called `<prefix>stage<s>.<block>.expand`, `....project` and `<prefix>head.0.conv`.
    """

    stem_name = "stem"

    def __init__(self, family: Family, width: float, methods_for: MethodsFor, prefix: str = "") -> None:
        super().__init__()
        self.family = family
        self.image_mean, self.image_std = family.image_mean, family.image_std
        channels = scaled_channels(family.stem, width)
        self.stem = RealConv(3, channels, 3, 2, end_padding=family.end_padding)
        self.stages = [f"stage{index}" for index in range(1, len(family.stages) + 1)]
        tapped: dict[str, int] = {}
        for name, plan in zip(self.stages, family.stages, strict=True):
            stage = Stage(plan.expansion, scaled_channels(plan.channels, width), plan.blocks, plan.stride, plan.kernel)
            blocks = nn.Sequential()
            for index in range(stage.blocks):
                stride, place = (stage.stride if index == 0 else 1), f"{name}.{index}"
                if stride == 2:
                    tapped[f"{place}.expand"] = channels * stage.expansion

                def units(unit: str, place: str = place) -> tuple[str, ...]:
                    return tuple(methods_for(f"{prefix}{place}.{unit}"))

                blocks.add_module(str(index), InvertedResidual(channels, stage, stride, family.end_padding, units))
                channels = stage.channels
            self.add_module(name, blocks)
        last = scaled_channels(family.head, width)
        shape = UnitShape(channels, last, 1, activation="none")
        unit = SearchableUnit(shape, methods_for(f"{prefix}head.0.conv"), "free_if_binary")
        self.head = nn.Sequential(nn.ModuleDict({"conv": unit}))
        # The first halving behind the stem starts from stride 2.
        self.channels = dict(list(tapped.items())[1:]) | {"head.0.conv": last}
        for norm in self.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.eps = family.norm_eps

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        x, features = self.stem(images), {}
        for name in self.stages:
            for index, block in self.get_submodule(name).named_children():
                x, expanded = block(x)
                if (tap := f"{name}.{index}.expand") in self.channels:
                    features[tap] = expanded
        return features | {"head.0.conv": self.get_submodule("head.0.conv")(x)}

    def from_published(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The names of the family's published checkpoint to ours."""
        family = self.family
        modules = dict(zip(family.stem_names, ("stem.conv", "stem.bn"), strict=True))
        modules |= unit_modules("head.0.conv", *family.head_names)
        blocks = [(name, block) for name, block in self.named_modules() if isinstance(block, InvertedResidual)]
        for index, (name, block) in enumerate(blocks):
            for part, (convolution, norm) in family.block_names(index, block.expand is not None).items():
                if part == "depthwise":
                    modules |= {convolution: f"{name}.depthwise.conv", norm: f"{name}.depthwise.bn"}
                else:
                    modules |= unit_modules(f"{name}.{part}", convolution, norm)
        return renamed(state, modules)
