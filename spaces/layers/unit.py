"""The searchable unit: one latent weight, one shortcut, and a whole alternative for every method."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from spaces.layers.binary_conv import binary_weight
from spaces.layers.methods import METHODS
from spaces.layers.signs import sign

MethodsFor = Callable[[str], Sequence[str]]
"""From a unit's name to the methods it is built with: all those of a supernet, the one of an extracted network."""


@dataclass(frozen=True)
class LayerTrace:
    """What layer-wise losses need of one 1-bit unit in one forward pass.

    pre_sign (N, Ci, H, W) the unit's input; binary_input its sign; weight (Co, Ci, k, k) the latent weight;
    binary_weight its sign; scale (Co, 1, 1, 1).
    """

    pre_sign: Tensor
    binary_input: Tensor
    weight: Tensor
    binary_weight: Tensor
    scale: Tensor


class SearchableUnit(nn.Module):
    """A convolution with its surroundings, y = alternative(x) + shortcut(x), in a choice of precisions.

    Every alternative owns pre-activation, BatchNorm and small parameters; the latent weight (Co, Ci, k, k) and the
    shortcut are shared (Bi-Real layout, arXiv:1808.00278, section 3.1: a shortcut around every convolution; average
    pooling and a real 1x1 convolution where the shape changes). x (N, Ci, H, W) to (N, Co, ceil(H / stride), ceil(W /
    stride)).
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int, methods: Sequence[str]) -> None:
        super().__init__()
        if not methods:
            raise ValueError(f"A unit needs one layer method or more; known: {', '.join(METHODS)}.")
        unknown = [name for name in methods if name not in METHODS]
        if unknown:
            raise ValueError(f"No layer method is called {', '.join(map(repr, unknown))}. Known: {', '.join(METHODS)}.")
        self.stride, self.padding = stride, kernel // 2
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, kernel, kernel))
        nn.init.normal_(self.weight, std=math.sqrt(2 / (out_channels * kernel * kernel)))
        self.alternatives = nn.ModuleDict({name: METHODS[name].build(out_channels) for name in methods})
        self.shortcut = _shortcut(in_channels, out_channels, stride)
        self.active = methods[0]
        self.tracing = False
        self.trace: LayerTrace | None = None

    def activate(self, method: str) -> None:
        """Make `method` the one that computes. Raises ValueError when the unit wasn't built with it."""
        self.check(method)
        self.active = method

    def check(self, method: str) -> None:
        """Raise ValueError when the unit wasn't built with `method`."""
        if method not in self.alternatives:
            raise ValueError(f"This unit offers {', '.join(self.alternatives)}; {method!r} was asked for.")

    def forward(self, x: Tensor) -> Tensor:
        if self.tracing:
            binary = METHODS[self.active].is_binary  # a unit that became real drops the trace of an earlier pass
            self.trace = LayerTrace(x, sign(x), self.weight, *binary_weight(self.weight)) if binary else None
        return self.alternatives[self.active](x, self.weight, self.stride, self.padding) + self.shortcut(x)

    def extra_repr(self) -> str:
        return f"{tuple(self.weight.shape)}, stride={self.stride}, active={self.active}"


def _shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    # ceil_mode and no padding in the mean: an odd map of n pixels gives ceil(n / 2), as the strided convolution does.
    pool = nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False) if stride > 1 else nn.Identity()
    return nn.Sequential(pool, nn.Conv2d(in_channels, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels))
