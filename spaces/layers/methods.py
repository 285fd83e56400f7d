"""The layer methods, in one visible table: each is a whole unit from pre-activation to BatchNorm."""

from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from spaces.layers.binary_conv import InputGradient, WeightGradient, binary_conv2d


class RealUnit(nn.Module):
    """ReLU -> convolution -> BatchNorm, all real-valued. x (N, Ci, H, W) to (N, Co, Ho, Wo)."""

    def __init__(self, out_channels: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
        return self.bn(F.conv2d(F.relu(x), weight, stride=stride, padding=padding))


class BinaryUnit(nn.Module):
    """sign -> 1-bit convolution, scaled by the mean weight magnitude -> BatchNorm. x (N, Ci, H, W) to (N, Co, Ho, Wo).

    The input must take both signs: a ReLU before this unit would make its sign a constant.
    """

    def __init__(
        self,
        out_channels: int,
        *,
        input_gradient: InputGradient,
        weight_gradient: WeightGradient,
        pad_value: float = 0.0,
    ) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(out_channels)
        self.input_gradient = input_gradient
        self.weight_gradient = weight_gradient
        self.pad_value = pad_value

    def forward(self, x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
        y = binary_conv2d(
            x,
            weight,
            stride=stride,
            padding=padding,
            input_gradient=self.input_gradient,
            weight_gradient=self.weight_gradient,
            pad_value=self.pad_value,
        )
        return self.bn(y)


@dataclass(frozen=True)
class Method:
    """How a unit computes, and at what precision its products are counted."""

    weight_bits: int
    input_bits: int
    build: Callable[[int], nn.Module]
    """From the number of output channels to the unit's own part: BatchNorm and small parameters, without the weight."""

    @property
    def is_binary(self) -> bool:
        return self.weight_bits == self.input_bits == 1


def _sign(out_channels: int) -> nn.Module:
    """XNOR-Net (arXiv:1603.05279): clipped straight-through sign, scale in the graph."""
    return BinaryUnit(out_channels, input_gradient="clipped", weight_gradient="xnor")


def _bireal(out_channels: int) -> nn.Module:
    """Bi-Real Net (arXiv:1808.00278): ApproxSign's slope at the inputs."""
    return BinaryUnit(out_channels, input_gradient="approx", weight_gradient="clipped")


METHODS: dict[str, Method] = {
    "real": Method(weight_bits=32, input_bits=32, build=RealUnit),
    "sign": Method(weight_bits=1, input_bits=1, build=_sign),
    "bireal": Method(weight_bits=1, input_bits=1, build=_bireal),
}
