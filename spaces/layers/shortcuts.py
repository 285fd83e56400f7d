"""The real-valued ways around a unit's convolution."""

from typing import Any, Literal

import torch
from torch import Tensor, nn

from spaces.precision import has_16_bits

ShortcutKind = Literal["projected", "free", "free_if_binary", "none"]
"""The kind of shortcut around a unit, see `build_shortcut`. `free_if_binary` is `free`, and only while the unit is
1-bit, so that an all-real network is exactly the published one and its pretrained weights stay valid."""


class GroupMean(nn.Module):
    """Fewer channels without parameters: output j is the mean of the inputs j, j + Co, j + 2 Co, ...

    x (N, f Co, H, W) to (N, Co, H, W). It undoes `Repeat`.
    """

    def __init__(self, out_channels: int) -> None:
        super().__init__()
        self.out_channels = out_channels

    def forward(self, x: Tensor) -> Tensor:
        if has_16_bits(x):
            y: Tensor = _GroupMean.apply(x, self.out_channels)
            return y
        return x.unflatten(1, (-1, self.out_channels)).mean(1)


class Repeat(nn.Module):
    """More channels without parameters: all inputs one after the other, `times` times.

    x (N, C, H, W) to (N, times C, H, W): ReActNet's duplicated activations (arXiv:2003.03488, section 4.1).
    """

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def forward(self, x: Tensor) -> Tensor:
        if has_16_bits(x):
            return torch.cat([x] * self.times, dim=1)  # keeps the layout in memory
        return x.repeat(1, self.times, 1, 1)


class _GroupMean(torch.autograd.Function):
    """Its gradient keeps the layout in memory. autograd's own doesn't, and the BatchNorm before takes thrice as long.

    In float32 autograd's own stays: in another layout a BatchNorm sums in another order.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, out_channels: int) -> Tensor:
        ctx.groups = x.shape[1] // out_channels
        return x.unflatten(1, (-1, out_channels)).mean(1)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return torch.cat([grad / ctx.groups] * ctx.groups, dim=1), None


def build_shortcut(kind: ShortcutKind, in_channels: int, out_channels: int, stride: int) -> nn.Module | None:
    """The shortcut of a unit, (N, Ci, H, W) to (N, Co, ceil(H / stride), ceil(W / stride)); None where there is none.

    `projected`: the input itself, or average pooling and a real 1x1 convolution with BatchNorm where the shape changes
    (Bi-Real Net, arXiv:1808.00278, section 3.1). `free` and `free_if_binary`: no parameters: average pooling, and
    channels averaged in groups or repeated; none where one number of channels is no multiple of the other. Raises
    ValueError for another kind.
    """
    if kind == "projected":
        return _projected(in_channels, out_channels, stride)
    if kind in ("free", "free_if_binary"):
        return _free(in_channels, out_channels, stride)
    if kind == "none":
        return None
    raise ValueError(f"shortcut is {kind!r}; allowed are 'projected', 'free', 'free_if_binary' and 'none'.")


def _projected(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    project = nn.Conv2d(in_channels, out_channels, 1, bias=False)
    return nn.Sequential(_pooling(stride), project, nn.BatchNorm2d(out_channels))


def _free(in_channels: int, out_channels: int, stride: int) -> nn.Module | None:
    if in_channels % out_channels and out_channels % in_channels:
        return None
    if in_channels == out_channels:
        return _pooling(stride)
    narrower = in_channels > out_channels
    return nn.Sequential(_pooling(stride), GroupMean(out_channels) if narrower else Repeat(out_channels // in_channels))


def _pooling(stride: int) -> nn.Module:
    # ceil_mode and no padding in the mean: an odd map of n pixels gives ceil(n / 2), as the strided convolution does.
    return nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False) if stride > 1 else nn.Identity()
