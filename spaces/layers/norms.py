"""Norms that torch doesn't have, and a BatchNorm's factor and offset."""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces.precision import in_float32


class ScaledL2Norm(nn.Module):
    """relu(x) divided by its norm over channels, times a learned scale a channel (arXiv:1506.04579, section 3.3).

    x (N, C, H, W). The scale is 20 at first, as in SSD (arXiv:1512.02325, section 3.1).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((channels,), 20.0))

    def forward(self, x: Tensor) -> Tensor:
        return self.scale.view(-1, 1, 1) * F.normalize(in_float32(x).relu())


def factor_and_offset(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """m and o, each (C,), of m x + o in evaluation, to the bit as torch has them: what it makes of ones and zeros."""
    mean, variance, weight, bias = (
        cast(Tensor, one).detach() for one in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    )
    zero, x = torch.zeros_like(mean), mean.new_ones(1, len(mean), 1, 1)
    factor = F.batch_norm(x, zero, variance, weight, zero, eps=norm.eps)
    offset = F.batch_norm(x * 0, mean, variance, weight, bias, eps=norm.eps)
    return factor.flatten(), offset.flatten()
