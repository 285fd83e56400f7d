"""A BatchNorm in front of a 1-bit unit's sign."""

import torch
from torch import Tensor, nn

from spaces.layers.alternative import UnitShape
from spaces.layers.channel_bias import ChannelBias
from spaces.layers.levels import SmallMapNorm
from spaces.layers.norms import factor_and_offset


class InputNorm(SmallMapNorm):
    """y = (x - mean) / std + b, a learned bias a channel, zero at first. x (N, C, H, W).

    XNOR-Net (arXiv:1603.05279, section 3.2) normalises before the sign. Behind a shortcut a map is a sum of many, whose
    mean and spread grow with depth: without the norm a channel may lie on one side of its threshold, or outside the
    slope of the sign's gradient. The factor of a BatchNorm stays 1, so that in evaluation all of it is one threshold a
    channel, `threshold`, and costs no multiplication.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.weight.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            return super().forward(x)
        factor, _ = factor_and_offset(self)
        return (x - self.threshold().to(x.dtype).view(1, -1, 1, 1)) * factor.to(x.dtype).view(1, -1, 1, 1)

    @torch.no_grad()
    def untracked(self, x: Tensor) -> Tensor:
        """`forward` without a gradient, after which the running statistics are as before: a second look at a map."""
        before = [buffer.clone() for buffer in self.buffers()]
        y: Tensor = self(x)  # as it is called in training: over all processes where these share a batch
        for buffer, old in zip(self.buffers(), before, strict=True):
            buffer.copy_(old)
        return y

    @torch.no_grad()
    def threshold(self) -> Tensor:
        """From what value on x has the sign +1 in evaluation, (C,)."""
        factor, offset = factor_and_offset(self)
        return -(offset / factor)


def input_norm(shape: UnitShape) -> nn.Module:
    """What stands before the sign of a unit with the option `input_norm`.

    That is an `InputNorm`, but a `ChannelBias` in places that have no BatchNorm of their own, or one for each level of
    a pyramid: their maps have other statistics from call to call.
    """
    one_statistic = issubclass(shape.build_norm, nn.BatchNorm2d) if isinstance(shape.build_norm, type) else False
    if shape.bare or shape.norm == "never" or not one_statistic:
        return ChannelBias(shape.in_channels)
    return InputNorm(shape.in_channels)
