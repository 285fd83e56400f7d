"""The feature pyramid of two-stage detectors, whose convolutions are searchable."""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces.layers import MethodsFor, SearchableUnit, UnitShape


class FeaturePyramid(nn.Module):
    """Feature pyramid network (arXiv:1612.03144, section 3) with the subsampled last level of Faster R-CNN (4.1).

    From a backbone's maps of strides 4 to 32, by name (N, C, H, W), to p2 ... p5 of these sizes and p6 of half p5's,
    all of `out_channels`. All real it is torchvision's: a 1x1 lateral convolution behind the ReLU that the backbone
    leaves out, the sum with the level above (nearest neighbour), a 3x3 output convolution; biases, no BatchNorm.

    A 1-bit lateral takes the sign of the map itself, a 1-bit output that of the sum: both take both signs. Each has a
    BatchNorm and a shortcut without parameters. IDa-Det's published code has 3x3 kernels in 1-bit laterals; here the
    kernel is the real one's, whose weight it shares.

    Units are called `<prefix>p<level>.lateral` and `<prefix>p<level>.output`.
    """

    def __init__(self, in_channels: list[int], out_channels: int, methods_for: MethodsFor, prefix: str = "") -> None:
        super().__init__()
        self._levels = [f"p{level}" for level, _ in enumerate(in_channels, start=2)]
        for level, channels in zip(self._levels, in_channels, strict=True):
            place = f"{prefix}{level}"
            shape = UnitShape(channels, out_channels, 1, norm="if_binary")
            lateral = SearchableUnit(shape, methods_for(f"{place}.lateral"), "free_if_binary", bias=True)
            shape = UnitShape(out_channels, out_channels, 3, activation="none", norm="if_binary")
            output = SearchableUnit(shape, methods_for(f"{place}.output"), "free_if_binary", bias=True)
            self.add_module(level, nn.ModuleDict({"lateral": start_even(lateral), "output": start_even(output)}))

    def forward(self, maps: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Levels by name, the finest first."""
        sides = [self.get_submodule(f"{name}.lateral")(x) for name, x in zip(self._levels, maps.values(), strict=True)]
        merged = zip(self._levels, summed_downwards(sides), strict=True)
        levels = {name: self.get_submodule(f"{name}.output")(x) for name, x in merged}
        return levels | {f"p{len(levels) + 2}": levels[self._levels[-1]][..., ::2, ::2]}


def summed_downwards(maps: Sequence[Tensor]) -> list[Tensor]:
    """To each map (N, C, H, W), the finest first, the sum of the coarser ones, enlarged to its size (nearest)."""
    sums = [maps[-1]]
    for x in maps[-2::-1]:
        sums.append(x + F.interpolate(sums[-1], x.shape[-2:], mode="nearest"))
    return sums[::-1]


@torch.no_grad()
def start_even(unit: SearchableUnit) -> SearchableUnit:
    """The unit with weights of variance 1 / (Ci k k): without a BatchNorm its map is as large as its input."""
    start = torch.empty(unit.shape.weight)
    nn.init.kaiming_uniform_(start, a=1)
    if not start.is_meta:
        if unit.weight is not None:
            unit.weight.copy_(start)
        unit.start_from(start)
    return unit
