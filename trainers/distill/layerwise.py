"""LWS-Det's layer-wise losses (CVPR 2021), as functions of one layer's tensors.

Equations are numbered as in the chapter by its authors (Binary Neural Networks, CRC Press 2023, 6.69 ff.).

A layer has a real product y = a (*) w and a 1-bit one y^ = a^ (*) w^, a^ and w^ of -1 and +1, scaled by alpha. Their
distance is split in two: the angular loss chooses w^, whatever the sizes of a and w; the amplitude loss chooses alpha
for the w^ found. Shapes: inputs (N, Ci, H, W), weights (Co, Ci, k, k), products (N, Co, Ho, Wo), alpha (Co, 1, 1, 1).
"""

import math
from typing import Literal

import torch.nn.functional as F
from torch import Tensor

from spaces.layers import UnitShape

Norms = Literal["patch", "whole"]
"""The norms by which a product is divided to become a cosine, see `real_cosines`."""

LEAST_SQUARE = 1e-12
"""The lower bound of squared norms: a patch or a filter of zeros has the cosine 0 with anything."""


def real_cosines(product: Tensor, x: Tensor, weight: Tensor, shape: UnitShape, norms: Norms = "patch") -> Tensor:
    """cos(a, w) = (a (*) w) / (|a| |w|) at every place, in the product's shape.

    norms: `patch` takes |a| of the k x k patch under the filter (zero outside the map) and |w| of the filter, which
    makes each value a cosine, in -1..1. `whole` takes the norms of whole tensors, as the paper prints them: |a| of one
    image's input, |w| of all filters. The loss is then smaller by a factor of about H W Co / k^2, which differs between
    layers.
    """
    if norms == "whole":
        least = math.sqrt(LEAST_SQUARE)
        inputs = x.flatten(1).norm(dim=1).clamp(min=least).view(-1, 1, 1, 1)
        return product / (inputs * weight.norm().clamp(min=least))
    squares = x.square().unflatten(1, (shape.groups, -1)).sum(2)
    if shape.groups > 1:  # a filter sees the channels of its own group
        squares = squares.repeat_interleave(shape.out_channels // shape.groups, 1)
    squares = _patch_sums(squares, shape)
    filters = weight.square().sum((1, 2, 3)).clamp(min=LEAST_SQUARE)
    return product / (squares.clamp(min=LEAST_SQUARE).sqrt() * filters.sqrt().view(1, -1, 1, 1))


def binary_cosines(
    product: Tensor,
    input_size: tuple[int, int],
    shape: UnitShape,
    pad_value: float = 0.0,
    norms: Norms = "patch",
    weight: Tensor | None = None,
) -> Tensor:
    """cos(a^, w^), as `real_cosines`. Norms of -1 and +1 are counts, so only the input's (H, W) is needed.

    `patch`: |a^|^2 is the number of entries that aren't padded with zero (all of a filter's Ci / groups k k with -1
    outside), |w^|^2 = Ci / groups k k. `whole`: |a^|^2 = Ci H W, |w^|^2 = Co Ci / groups k k. A
    relaxed w^, the mean of two candidates by their probabilities, is divided by the norm of these candidates, not by
    its own: the result is the mean of the candidates' cosines.

    weight (Co, Ci / groups, k, k): what was convolved, where its entries aren't -1 and +1; |w^|^2 is then its own.
    """
    height, width = input_size
    _, seen, *_ = shape.weight
    entries = seen * shape.kernel**2
    if weight is not None:  # as if it had entries of -1 and +1: divided by the root mean square of the others
        squares = weight.square().mean((1, 2, 3)) if norms == "patch" else weight.square().mean()
        product = product / squares.clamp(min=LEAST_SQUARE).sqrt().view(-1, 1, 1)
    if norms == "whole":
        return product / math.sqrt(shape.in_channels * height * width * shape.out_channels * entries)
    if pad_value or not shape.padding:
        return product / entries
    inside = _patch_sums(product.new_full((1, 1, height, width), seen), shape)
    return product / (inside * entries).sqrt()


def angular_loss(real: Tensor, binary: Tensor) -> Tensor:
    """The mean of (cos(a, w) - cos(a^, w^))^2 over N, Co, Ho, Wo: a scalar (eq. 6.71, 6.75).

    real, binary (N, Co, Ho, Wo) from `real_cosines` and `binary_cosines`. The paper doesn't say whether it sums; with a
    mean, the loss's weight means the same for every layer.
    """
    return F.mse_loss(binary, real)


def amplitude_loss(real: Tensor, binary: Tensor, scale: Tensor) -> Tensor:
    """The mean of (y - alpha y^)^2: a scalar, with a gradient towards alpha alone (eq. 6.76).

    real y, binary y^ (N, Co, Ho, Wo) products, scale alpha (Co, 1, 1, 1). The binary weights are held fixed, so that
    the minimum is least squares' alpha_o = sum(y_o y^_o) / sum(y^_o^2).
    """
    return F.mse_loss(binary.detach() * scale.view(1, -1, 1, 1), real)


def weight_reconstruction_loss(weight: Tensor, binary_weight: Tensor, scale: Tensor) -> Tensor:
    """The mean of (w - alpha w^)^2 over all weights: a scalar (eq. 6.67).

    weight, binary_weight (Co, Ci, k, k), scale (Co, 1, 1, 1).
    """
    return F.mse_loss(scale * binary_weight, weight)


def _patch_sums(x: Tensor, shape: UnitShape) -> Tensor:
    """Sums over the patches under a filter, (N, C, H, W) to (N, C, Ho, Wo); zero outside the map."""
    if shape.dilation == 1:
        return F.avg_pool2d(x, shape.kernel, shape.stride, shape.padding) * float(shape.kernel**2)
    channels = x.shape[1]
    ones = x.new_ones(channels, 1, shape.kernel, shape.kernel)
    return F.conv2d(x, ones, None, shape.stride, shape.padding, shape.dilation, channels)
