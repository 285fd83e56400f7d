"""A factor for each output channel of a 1-bit unit, which follows from its real input."""

import torch
from torch import Tensor, nn

from spaces.layers.alternative import UnitShape

REDUCTION = 8
LEAST_HIDDEN = 4


class ChannelGate(nn.Module):
    """2 sigmoid(W2 relu(W1 g)), g the mean of each channel over the map: x (N, Ci, H, W) to factors (N, Co, 1, 1).

    Real-to-Binary's data-driven channel re-scaling (arXiv:2003.11535, section 4.3): the sign of an input drops its
    magnitude, from which the gate learns how large the product is. The paper is recalled; r = 8, linear layers without
    biases, and the place right behind the product were read in larq/zoo's `real_to_bin_nets.py`, where the pooled map
    has its BatchNorm behind it. W1 (Ci / 8, Ci), four rows at the least, W2 (Co, Ci / 8); their real MACs are counted.

    Ours is how it starts. W2 is zero and the sigmoid doubled: a new gate is 1 to the bit, so that a network which gets
    one computes what it did. W1 has each row with its negative: means of one sign can't leave every hidden number at 0,
    from where nothing would be learned.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        hidden = max(LEAST_HIDDEN, in_channels // REDUCTION)
        self.squeeze = nn.Linear(in_channels, hidden, bias=False)
        self.excite = nn.Linear(hidden, out_channels, bias=False)
        nn.init.zeros_(self.excite.weight)
        with torch.no_grad():
            rows = self.squeeze.weight[: hidden // 2]
            self.squeeze.weight[hidden // 2 : hidden // 2 * 2] = -rows

    def forward(self, x: Tensor) -> Tensor:
        opened = self.excite(self.squeeze(x.mean((2, 3))).relu())
        return 2 * torch.sigmoid(opened)[..., None, None]


def channel_gate(shape: UnitShape) -> ChannelGate | None:
    """The gate of a unit with the option `gate`; None in `bare` places.

    A head's values are scores and distances, each for one place of the map, with no norm behind them: one factor for
    all places would make an image's scores all surer or all less sure. A linear layer's map is one pixel, so that its
    gate would be a second real layer on every row. The first layer's three channels say next to nothing.
    """
    return None if shape.bare else ChannelGate(shape.in_channels, shape.out_channels)
