"""SDGQP, the soft distribute-guided quality predictor: it selects, place by place, what of the edges' shape it reads.

From "'Parallel-Circuitized' distillation for dense object detection" (Displays 81:102587, 2024). Only the paper's
abstract is public: it states that statistics of the distributions are selected dynamically. The rest is our reading.
"""

import math

import torch
from torch import Tensor, nn

from spaces.detectors.quality import TOP, distribution_statistics
from spaces.layers.opened import ActivatedConv2d
from spaces.precision import in_float32

LARGEST = 8
"""k_max: how many of an edge's largest probabilities are selected from, and are what the selection looks at."""

OTHERS = 4
"""Mean, variance, entropy and distance from the peak."""


class SoftQualityPredictor(nn.Module):
    """As `quality.QualityPredictor`, from (N, 4 n, H, W) to (N, 1, H, W), on softly selected statistics.

    Each edge has s statistics S = `shape_statistics`. A gate g = softmax(MLP(largest probabilities of all four edges))
    chooses among an edge's statistics, at each place anew; what is read is s g * S, so that an even gate leaves S as it
    is. Then 1x1 convolution -> ReLU -> 1x1 convolution. `k_fixed` puts the k largest and their mean in place of the
    selection, and there is no gate: with 4 it is GFLv2's predictor, in its state and to the bit.

    Raises ValueError when `k_fixed` isn't 1 to n.
    """

    def __init__(self, bins: int, hidden: int, k_fixed: int | None = None) -> None:
        super().__init__()
        if k_fixed is not None and not 1 <= k_fixed <= bins:
            raise ValueError(f"k_fixed is {k_fixed}; an edge has 1 to {bins} largest probabilities.")
        self.bins, self.k_fixed = bins, k_fixed
        if k_fixed is None:
            largest = min(LARGEST, bins)
            read = largest + OTHERS
            self.gate = StatisticsGate(largest, read, hidden)
        else:
            read = k_fixed + 1
        self.reduce = ActivatedConv2d(4 * read, hidden, 1)
        self.predict = ActivatedConv2d(hidden, 1, 1)

    def forward(self, edges: Tensor) -> Tensor:
        if self.k_fixed is None:
            read = self.gate(shape_statistics(edges, self.bins)).flatten(1, 2)
        else:
            read = distribution_statistics(edges, self.bins, self.k_fixed)
        y: Tensor = self.predict(self.reduce(read))
        return y


class StatisticsGate(nn.Module):
    """s g * S of an edge's statistics S, for g = softmax(MLP(...)) over these s: (N, 4, s, H, W) to the same shape.

    The MLP, 1x1 convolution -> ReLU -> 1x1 convolution, sees the first `seen` statistics of all four edges.
    """

    def __init__(self, seen: int, statistics: int, hidden: int) -> None:
        super().__init__()
        self.seen, self.statistics = seen, statistics
        self.look = ActivatedConv2d(4 * seen, hidden, 1)
        self.select = ActivatedConv2d(hidden, 4 * statistics, 1)

    def forward(self, statistics: Tensor) -> Tensor:
        preferred = self.select(self.look(statistics[:, :, : self.seen].flatten(1, 2)))
        share = preferred.unflatten(1, (4, self.statistics)).softmax(2)
        return self.statistics * share * statistics


def shape_statistics(edges: Tensor, bins: int) -> Tensor:
    """Logits (N, 4 * bins, H, W) to what an edge's distribution P over 0 to n - 1 looks like, wherever it lies.

    (N, 4, k + 4, H, W): its k = min(8, n) largest probabilities, falling; the mean of the four largest (GFLv2's); its
    variance, as a share of the largest that there is, ((n - 1) / 2)^2; its entropy, of log n; and sum_i P_i |i - peak|,
    of n - 1, with the peak at the largest probability. All lie in 0..1. The gradient goes on to the logits.
    """
    log = in_float32(edges).unflatten(1, (4, bins)).log_softmax(2)
    p = log.exp()
    largest, places = p.topk(min(LARGEST, bins), dim=2)
    bin_of = torch.arange(bins, dtype=p.dtype, device=p.device).view(-1, 1, 1)
    mean = (p * bin_of).sum(2, keepdim=True)
    others = [
        largest[:, :, :TOP].mean(2, keepdim=True),
        (p * (bin_of - mean).square()).sum(2, keepdim=True) / ((bins - 1) / 2) ** 2,
        -(p * log).sum(2, keepdim=True) / math.log(bins),
        (p * (bin_of - places[:, :, :1]).abs()).sum(2, keepdim=True) / (bins - 1),
    ]
    return torch.cat([largest, *others], dim=2)
