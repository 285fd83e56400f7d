"""The unit's neighbours that aren't binary: full precision, and 8 bits."""

import torch
import torch.nn.functional as F
from torch import Tensor

from spaces.layers.alternative import Activation, Alternative, UnitShape

INT8_LEVELS, UINT8_LEVELS = 127, 255
RANGE_MOMENTUM = 0.1


class Real(Alternative):
    """ReLU -> convolution -> BatchNorm, all real-valued. x (N, Ci, H, W) to (N, Co, Ho, Wo).

    The ReLU is what `shape.activation` says: ReLU6 or nothing where a published network has these.
    """

    def forward(self, x: Tensor, weight: Tensor) -> Tensor:
        x = activated(x, self.shape.activation)
        return self.bn(convolved(x, weight, self.shape))


class Int8(Alternative):
    """As `Real`, with inputs and weights rounded to 8 bits (fake quantization, arXiv:1712.05877, section 2).

    Weights: s_o round(w / s_o), s_o = max|w_o| / 127, one a channel. Inputs: s round(x / s), clipped to 0..255 s behind
    a ReLU (to -127..127 s where the place has none), s from the running maximum of |x|, one a layer, which training
    updates by a tenth a step. Gradient: straight through the rounding, 0 for a clipped input.
    """

    def __init__(self, shape: UnitShape) -> None:
        super().__init__(shape)
        self.largest: Tensor
        self.register_buffer("largest", torch.zeros(()))
        self.observing = False
        """Whether the running maximum follows outside training too."""

    def forward(self, x: Tensor, weight: Tensor) -> Tensor:
        x = activated(x, self.shape.activation)
        if self.training or self.observing:
            self._observe(x.detach())
        signed = self.shape.activation == "none"
        # Before any training there is no running maximum: then it is the batch's own.
        largest = torch.where(self.largest == 0, x.detach().abs().amax(), self.largest)
        step = largest.clamp(min=1e-8) / (INT8_LEVELS if signed else UINT8_LEVELS)
        low, high = (-INT8_LEVELS, INT8_LEVELS) if signed else (0, UINT8_LEVELS)
        x = _rounded(x.clamp(low * step, high * step), step)
        steps = weight.detach().abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-8) / INT8_LEVELS
        weight = _rounded(weight, steps)
        return self.bn(convolved(x, weight, self.shape))

    @torch.no_grad()
    def _observe(self, x: Tensor) -> None:
        now = x.abs().amax()
        self.largest.copy_(torch.where(self.largest == 0, now, self.largest.lerp(now, RANGE_MOMENTUM)))


def convolved(x: Tensor, weight: Tensor, shape: UnitShape) -> Tensor:
    """The real product of a unit, with zeros outside the map."""
    return F.conv2d(x, weight, stride=shape.stride, padding=shape.padding, dilation=shape.dilation)


def activated(x: Tensor, activation: Activation) -> Tensor:
    """The pre-activation of a unit that isn't binary."""
    if activation == "none":
        return x
    return F.relu(x) if activation == "relu" else F.relu6(x)


def _rounded(x: Tensor, step: Tensor) -> Tensor:
    """x on the grid of `step`, with the gradient of x."""
    return x + (torch.round(x.detach() / step) * step - x.detach())
