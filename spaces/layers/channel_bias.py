"""Shifts by channel: ReActNet's, JDBNet's static and dynamic ones, and the activation built from them."""

import torch
from torch import Tensor, nn

from spaces.layers.prelu import PReLU

REDUCTION = 16
LEAST_HIDDEN = 4


class ChannelBias(nn.Module):
    """y = x + b, a learned bias a channel, zero at first. x (N, C, H, W).

    Before a sign it moves the threshold: RSign of ReActNet (arXiv:2003.03488, section 4.2), sign(x - a) with a = -b. It
    is our reading of JDBNet's learning channel-wise bias (LCB) too (IEEE TCSVT 34(1), 2024), whose equations are not
    public.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias.to(x.dtype).view(1, -1, 1, 1)


class DynamicChannelBias(nn.Module):
    """y = x + b0 + s tanh(W2 relu(W1 g)), g the mean of each channel over the map. x (N, C, H, W).

    The bias of each image depends on what is in it. W2 is zero at first, so that it starts as the static bias b0 (also
    zero); W1 (C / 16, C), W2 (C, C / 16), s one learned number a channel, one at first. Its 2 C^2 / 16 real MACs an
    image are counted. Our reading of JDBNet's "dynamic channel-wise diversity" (IEEE TCSVT 34(1), 2024; equations not
    public); the nearest published relative is DyBNN (arXiv:2110.05185).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(LEAST_HIDDEN, channels // REDUCTION)
        self.bias = nn.Parameter(torch.zeros(channels))
        self.size = nn.Parameter(torch.ones(channels))
        self.squeeze = nn.Linear(channels, hidden, bias=False)
        self.excite = nn.Linear(hidden, channels, bias=False)
        nn.init.zeros_(self.excite.weight)

    def forward(self, x: Tensor) -> Tensor:
        moved = self.size * torch.tanh(self.excite(self.squeeze(x.mean((2, 3))).relu()))
        return x + (self.bias + moved).to(x.dtype)[..., None, None]


class ShiftedPReLU(nn.Module):
    """RPReLU of ReActNet (arXiv:2003.03488, section 4.2): a PReLU a channel between two shifts. x (N, C, H, W).

    y = x - g + z where x > g, else b (x - g) + z, a channel each for g, z (zero at first) and b (0.25 at first).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.before = ChannelBias(channels)
        self.prelu = PReLU(channels)
        self.after = ChannelBias(channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.prelu(self.before(x)))
