"""The feature pyramid p3 to p7 of a dense detector, every convolution a searchable unit."""

from collections.abc import Sequence

from torch import Tensor, nn

from spaces.detectors.fpn import summed_downwards
from spaces.layers import MethodsFor, SearchableUnit, UnitShape
from spaces.layers.levels import SmallMapNorm

LEVELS = ("p3", "p4", "p5", "p6", "p7")
STRIDES = (8, 16, 32, 64, 128)
_FROM_BACKBONE = 3


class DensePyramid(nn.Module):
    """Lateral 1x1 units, sums from coarse to fine, 3x3 output units (arXiv:1612.03144, section 3), and two more levels.

    Maps of strides 8, 16 and 32, (N, C_l, H_l, W_l), to {"p3": (N, C, H_3, W_3), ..., "p7": (N, C, H_7, W_7)}; p6 and
    p7 are 3x3 units of stride 2 on the level before, which halve it upwards, as in GFL (arXiv:2006.04388). The
    published pyramid has neither norms nor activations; our units end with a BatchNorm, which a 1-bit product needs,
    and the real laterals begin with the ReLU that ends a published backbone. 1-bit units have shortcuts without
    parameters. All maps take both signs.

    Units are called `<prefix><level>.lateral` and `<prefix><level>.output`.
    """

    def __init__(self, in_channels: Sequence[int], channels: int, methods_for: MethodsFor, prefix: str) -> None:
        super().__init__()
        for place, level in enumerate(LEVELS):
            units = nn.ModuleDict()
            if place < _FROM_BACKBONE:
                lateral = UnitShape(in_channels[place], channels, 1)
                units["lateral"] = SearchableUnit(lateral, methods_for(f"{prefix}{level}.lateral"), "free_if_binary")
            stride = 1 if place < _FROM_BACKBONE else 2
            output = UnitShape(channels, channels, 3, stride, activation="none", build_norm=SmallMapNorm)
            units["output"] = SearchableUnit(output, methods_for(f"{prefix}{level}.output"), "free_if_binary")
            self.add_module(level, units)

    def forward(self, maps: Sequence[Tensor]) -> dict[str, Tensor]:
        """`maps` from fine to coarse; the levels in this order too."""
        own = LEVELS[:_FROM_BACKBONE]
        sides = [self.get_submodule(f"{level}.lateral")(x) for level, x in zip(own, maps, strict=True)]
        merged = dict(zip(own, summed_downwards(sides), strict=True))
        levels: dict[str, Tensor] = {}
        x = merged[own[0]]
        for level in LEVELS:
            x = self.get_submodule(f"{level}.output")(merged.get(level, x))
            levels[level] = x
        return levels
