"""A BatchNorm in front of a 1-bit unit's sign."""

import torch
from torch import Tensor, nn

from spaces.layers.alternative import UnitShape
from spaces.layers.channel_bias import ChannelBias
from spaces.layers.levels import SmallMapNorm
from spaces.layers.norms import factor_and_offset


class InputNorm(nn.Module):
    """y = (x - mean) / std + b, a learned bias a channel, zero at first. x (N, C, H, W).

    XNOR-Net (arXiv:1603.05279, section 3.2) normalises before the sign. Behind a shortcut a map is a sum of many, whose
    mean and spread grow with depth: without the norm a channel may lie on one side of its threshold, or outside the
    slope of the sign's gradient. The factor of the BatchNorm stays 1, so that in evaluation all of it is one threshold
    a channel, `threshold`, and costs no multiplication.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = SmallMapNorm(channels)  # a part with a name of its own: its bias is in deviations, no map's unit
        self.norm.weight.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        if self.norm.training:
            y: Tensor = self.norm(x)
            return y
        factor, threshold = (one.to(x.dtype).view(1, -1, 1, 1) for one in self._factor_and_threshold())
        return (x - threshold) * factor

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
        return self._factor_and_threshold()[1]

    def _factor_and_threshold(self) -> tuple[Tensor, Tensor]:
        factor, offset = factor_and_offset(self.norm)
        return factor, -(offset / factor)


def input_shift(shape: UnitShape) -> nn.Module:
    """What stands before the sign of a unit with the option `input_norm`.

    That is an `InputNorm`, but a `ChannelBias` in places that have no BatchNorm of their own, or one for each level of
    a pyramid: their maps have other statistics from call to call.
    """
    one_statistic = issubclass(shape.build_norm, nn.BatchNorm2d) if isinstance(shape.build_norm, type) else False
    if shape.bare or shape.norm == "never" or not one_statistic:
        return ChannelBias(shape.in_channels)
    return InputNorm(shape.in_channels)
