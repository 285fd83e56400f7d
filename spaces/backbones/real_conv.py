"""A convolution that is real unless a search opens it: stems and depthwise ones."""

import torch.nn.functional as F
from torch import Tensor, nn

from spaces.layers.alternative import Activation
from spaces.layers.opened import ActivatedConv2d
from spaces.layers.unit import SearchableUnit


class RealConv(nn.Module):
    """activation -> convolution -> BatchNorm, (N, Ci, H, W) to (N, Co, ceil(H / stride), ceil(W / stride)).

    It ends without an activation, so that a 1-bit unit may follow. end_padding: where the stride leaves an odd number
    of pixels to add, the odd one stands at the right and at the bottom (TensorFlow's SAME), instead of as many on
    every side.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        stride: int,
        *,
        activation: Activation = "none",
        groups: int = 1,
        end_padding: bool = False,
    ) -> None:
        super().__init__()
        self.end_padding = end_padding
        self.kernel, self.stride = kernel, stride
        padding = 0 if end_padding else kernel // 2
        self.conv: nn.Module = ActivatedConv2d(
            in_channels, out_channels, kernel, stride, padding, groups=groups, bias=False, activation=activation
        )
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        if self.end_padding:
            # In front of the activation, which leaves a zero as it is. Opened and 1-bit, it has -1 outside instead of
            # zeros, which a sign would make +1.
            outside = -1.0 if isinstance(self.conv, SearchableUnit) and self.conv.is_binary else 0.0
            x = pad_ends(x, self.kernel, self.stride, outside)
        return self.bn(self.conv(x))


def pad_ends(x: Tensor, kernel: int, stride: int, value: float = 0.0) -> Tensor:
    """Pad a map (N, C, H, W), so that a convolution gives ceil(H / stride) rows; an odd row stands at the end."""
    height, width = (max((-(-size // stride) - 1) * stride + kernel - size, 0) for size in x.shape[-2:])
    return F.pad(x, (width // 2, width - width // 2, height // 2, height - height // 2), value=value)
