"""Norms that torch doesn't have."""

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
