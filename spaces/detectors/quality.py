"""How well a box is placed, read off the shape of its edges' distributions (GFLv2, arXiv:2011.12885, section 3.2)."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces.layers.opened import ActivatedConv2d
from spaces.precision import in_float32

TOP = 4

BuildQuality = Callable[[int, int], nn.Module]
"""From the bins of an edge and the hidden channels to what reads a quality: (N, 4 n, H, W) to (N, 1, H, W)."""


class QualityPredictor(nn.Module):
    """A sharp distribution speaks of a sure edge: from the edges' logits (N, 4 n, H, W) to the quality's (N, 1, H, W).

    1x1 convolution -> ReLU -> 1x1 convolution on `distribution_statistics`. Real unless opened. It reads numbers of one
    sign, so that it has little use for 1-bit methods.
    """

    def __init__(self, bins: int, hidden: int) -> None:
        super().__init__()
        self.bins = bins
        self.reduce = ActivatedConv2d(4 * (TOP + 1), hidden, 1)
        self.predict = ActivatedConv2d(hidden, 1, 1)

    def forward(self, edges: Tensor) -> Tensor:
        y: Tensor = self.predict(self.reduce(distribution_statistics(edges, self.bins)))
        return y


def distribution_statistics(edges: Tensor, bins: int, top: int = TOP) -> Tensor:
    """Logits (N, 4 * bins, H, W) to, for each edge, its `top` largest probabilities, falling, and their mean.

    (N, 4 * (top + 1), H, W), edge after edge. The gradient goes on to the logits.
    """
    largest = in_float32(edges).unflatten(1, (4, bins)).softmax(2).topk(top, dim=2).values
    return torch.cat([largest, largest.mean(2, keepdim=True)], dim=2).flatten(1, 2)


def joint_logits(cls: Tensor, quality: Tensor) -> Tensor:
    """The logit of sigmoid(cls) * sigmoid(quality), exact where a product of probabilities would round to 0 or 1.

    With a = cls and b = quality the odds against are e^-a + e^-b + e^-(a+b). cls (..., K), quality (..., 1).
    """
    return -torch.logaddexp(-cls, F.softplus(-cls) - quality)
