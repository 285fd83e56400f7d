"""Weights as the sum of two binary bases: their sign, and the sign of what it leaves, each with a scale a channel."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from spaces.layers.alternative import LayerTrace, StoredWeight, UnitShape
from spaces.layers.binary_unit import Binary
from spaces.layers.signs import pass_clipped, sign
from spaces.layers.weight_rules import (
    LEAST_SCALE,
    StraightThrough,
    WeightGradient,
    channel_dot,
    mean_scale,
    scale_gradient,
)


class Bases(NamedTuple):
    """Two binary weights (Co, Ci, k, k) and the scale (Co, 1, 1, 1) of each."""

    first: Tensor
    first_scale: Tensor
    second: Tensor
    second_scale: Tensor


@torch.no_grad()
def two_bases(weight: Tensor, scale: Tensor | None) -> Bases:
    """See `TwoBases`. weight (Co, Ci, k, k); scale (Co, 1, 1, 1), the learned one of the first base, or None."""
    first, alpha = sign(weight), mean_scale(weight)
    residual = weight - first * alpha
    second, beta = sign(residual), mean_scale(residual)
    return Bases(first, alpha, second, beta) if scale is None else Bases(first, scale, second, scale * (beta / alpha))


@dataclass(frozen=True)
class TwoBases:
    """The sign of a weight and the sign of its residual, each times a scale per output channel o.

        q(w)      = a1 s1 + a2 s2
        s1        = sign(w),  a1 = mean |w| over the channel
        r         = w - a1 s1,  s2 = sign(r),  a2 = mean |r|
        q(w)      = a (s1 + (a2 / a1) s2)                           learned scale a

    Each a is least squares for its base alone. So a weight takes one of the levels +-a1 +- a2: whether its magnitude is
    above the channel's mean is what s2 adds. A learned a takes a1's place; the bases and the ratio of their scales
    stay the weight's own, so that no drift of a makes s2 the negative of s1 everywhere.

    G is the gradient at q(w), n = Ci k k the number of weights in a channel, <., .>_o the sum over them. Both signs
    pass it straight to the latent weight:

        dL/dw    = G [|w| <= 1]                                     `clipped`
        dL/dw    = a (1 + a2 / a1) G [|w| <= 1]                     `xnor`, learned a
        dL/dw    = (a1 + a2) G [|w| <= 1]                           `xnor`
                   + (s1 <G, s1>_o + (s2 - s1 <s1, s2>_o / n) <G, s2>_o) / n
        dL/da    = <G, s1 + (a2 / a1) s2>_o                         learned a

    `clipped` holds the scales constant and leaves them out of the slope, as with one base. `xnor` is the chain rule
    with the mean scales in the graph; behind a learned a their ratio is held constant.

    Several bases of weights are ABC-Net's (arXiv:1711.11294), recalled: its bases are signs of shifted weights, and its
    scales the least squares of all together. Taking the sign of the residual is the form of higher-order residual
    quantization (arXiv:1708.08687, of inputs) and of network sketching (arXiv:1706.02021, of weights), recalled too.
    The gradients of the scales and what a learned scale means are our reading.
    """

    gradient: WeightGradient

    def effective(self, weight: Tensor, scale: Tensor | None) -> Tensor:
        both = two_bases(weight, scale)
        return both.first.mul_(both.first_scale).add_(both.second.mul_(both.second_scale))

    def gradients(
        self, grad: Tensor, weight: Tensor, scale: Tensor | None, effective: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        along = None if scale is None else scale_gradient(grad, effective, scale)
        passed = pass_clipped(grad, weight)
        if self.gradient == "clipped":
            return passed, along
        both, count = two_bases(weight, scale), weight[0].numel()
        passed = passed.mul_(both.first_scale + both.second_scale)
        if scale is not None:
            return passed, along
        first, second = channel_dot(grad, both.first) / count, channel_dot(grad, both.second) / count
        alike = channel_dot(both.first, both.second) / count
        return passed.addcmul_(both.first, first - alike * second).addcmul_(both.second, second), None

    def signs(self, weight: Tensor) -> Tensor:
        """s1 + (a2 / a1) s2, which isn't of signs alone, with the gradient (1 + a2 / a1) [|w| <= 1]."""
        both = two_bases(weight.detach(), None)
        ratio, straight = both.second_scale / both.first_scale, weight.clamp(-1, 1)
        return both.first + both.second * ratio + (straight - straight.detach()) * (1 + ratio)


class TwoBasesBinary(Binary):
    """A `Binary` unit of two 1-bit convolutions of the same signs, whose results are added. x (N, Ci, H, W).

    The weights are those of `TwoBases`, with the slope of `rule`; in training one convolution with their sum computes
    both. All other arguments are `Binary`'s.
    """

    bases = 2
    given_second: Tensor | None
    given_second_scale: Tensor | None

    def __init__(self, shape: UnitShape, *, rule: StraightThrough, **settings: Any) -> None:
        super().__init__(shape, rule=TwoBases(rule.gradient), **settings)
        self.register_buffer("given_second", None, persistent=False)
        self.register_buffer("given_second_scale", None, persistent=False)

    @torch.no_grad()
    def second(self, weight: Tensor | None) -> tuple[Tensor, Tensor] | None:
        own = self._own_weight(weight)
        if self.given_second is not None and self.given_second_scale is not None:
            return self.given_second, self.given_second_scale
        both = two_bases(self._latent(own), self._learned_scale())
        return both.second, both.second_scale.flatten()

    @torch.no_grad()
    def give(self, stored: StoredWeight, weight: Tensor | None) -> None:
        if stored.second is None:
            raise ValueError("This alternative's weights need a second base.")
        super().give(stored, weight)
        signs, own = stored.second
        self._own_weight(weight).add_(signs * own.view(-1, 1, 1, 1))
        self.given_second, self.given_second_scale = signs.to(torch.int8), own

    def trace(self, x: Tensor, weight: Tensor | None) -> LayerTrace:
        return replace(super().trace(x, weight), binary_weight=self._relative_sum(weight), of_signs=False)

    def _relative_sum(self, weight: Tensor | None) -> Tensor:
        """q(w) over the scale of the first base, see `TwoBases.signs`."""
        own = self._own_weight(weight)
        if self.given_scale is not None:
            scale = self.given_scale.view(-1, 1, 1, 1)
            return own / torch.where(scale.abs() < LEAST_SCALE, LEAST_SCALE, scale)
        return self.rule.signs(self._latent(own))

    def _given_levels(self, weight: Tensor, scale: Tensor) -> Tensor:
        if self.given_second is None or self.given_second_scale is None:
            return super()._given_levels(weight, scale)
        return sign(weight - self.given_second * self.given_second_scale.view(-1, 1, 1, 1))
