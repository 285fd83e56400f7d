"""AdaBin (arXiv:2208.08084): two levels of weights in each output channel, and two of inputs in each layer."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from spaces.layers.alternative import LayerTrace, StoredWeight, UnitShape
from spaces.layers.binary_unit import Binary
from spaces.layers.maxout import Maxout
from spaces.layers.signs import sign
from spaces.layers.weight_rules import LEAST_SCALE, RealWeight, WeightRule
from spaces.precision import in_float32


@dataclass(frozen=True)
class TwoLevels:
    """The two levels of each output channel o that are nearest to its weights if these are normal.

        u        = (w - b) / a,  b = mean w,  a = the deviation of w, both over the n = Ci k k weights of the channel
        q(w)     = s (a sign(u) + b),  s the learned scale of the inputs, one number (1, 1, 1, 1)
        dL/dw    = s (G + u <G, sign(u) - u>_o / n)
        dL/ds    = <G, q(w) / s> over all channels

    G is the gradient at q(w), <., .>_o the sum over a channel's weights. It is the chain rule with a sign's slope of 1:
    what flows through b, <G, 1 - 1>_o / n, is nothing, since a weight moves its level as much as its threshold; what
    flows through a is the second summand. The published code has the slope 1 - tanh(u / 10)^2, at least 0.91 within
    three deviations; 1 is our reading. inputs_only: q(w) = s w, the first stage of two.
    """

    inputs_only: bool = False

    def effective(self, weight: Tensor, scale: Tensor | None) -> Tensor:
        if self.inputs_only:
            return weight * _or_one(scale)
        spread, centre = folded_levels(weight, scale)
        return sign(weight - centre_of(weight)).mul_(spread).add_(centre)

    def gradients(
        self, grad: Tensor, weight: Tensor, scale: Tensor | None, effective: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        along = None if scale is None else ((grad * effective).sum() / scale).view_as(scale)
        passed = grad * _or_one(scale)
        if self.inputs_only:
            return passed, along
        standard = standardised(weight)
        off = sign(standard).sub_(standard).mul_(passed).mean((1, 2, 3), keepdim=True)
        return passed.addcmul_(standard, off), along

    def signs(self, weight: Tensor) -> Tensor:
        """sign(u), with the gradient of u."""
        standard = standardised(weight)
        return sign(standard.detach()) + (standard - standard.detach())


class AdaptiveBinary(Binary):
    """sign -> 1-bit convolution of two filters' sums -> BatchNorm -> + shortcut -> Maxout. x (N, Ci, H, W).

    Inputs are x^ = s sign((x - t) / s) + t with one learned s and t a layer, 1 and 0 at first, and ApproxSign's slope,
    that of the sign times s; weights see `TwoLevels`. With the signs i and j of inputs and weights

        x^ (*) q(w)_o = s a_o (j_o (*) i) + s b_o (1 (*) i) + t sum q(w)_o

    The first product is binary, and so is the second, whose filter of ones all output channels share: what the method
    costs is one more filter a group, and a real multiply-add at every place of each output channel.

    Our reading: outside the map stands t, which is 0 for the sign, or -1 with `pad_value`. Then the last summand is the
    same everywhere, and a BatchNorm takes it away; it is left out, also in places without a norm, whose layers have
    biases. The published code has zeros outside. s is learned as its logarithm, so that it stays above zero.
    """

    has_centre = True
    folded = ("size_log",)
    weighed = ("size_log",)
    given_centre: Tensor | None

    def __init__(self, shape: UnitShape, *, pad_value: float = 0.0) -> None:
        super().__init__(shape, rule=TwoLevels(), input_gradient="approx", post=Maxout, pad_value=pad_value)
        self.size_log = nn.Parameter(torch.zeros(()))
        self.threshold = nn.Parameter(torch.zeros(()))
        self.register_buffer("given_centre", None, persistent=False)

    def forward(self, x: Tensor, weight: Tensor | None) -> Tensor:
        return self.bn(self._product(self._pre_sign(x), weight, None if self.given_scale is not None else self._size()))

    def trace(self, x: Tensor, weight: Tensor | None) -> LayerTrace:
        x = in_float32(x)
        pre_sign, latent = self._pre_sign(x), self._latent(weight)
        signs, scale, centre = self.rule.signs(latent), spread_of(latent), centre_of(latent)
        if self.given_scale is not None and self.given_centre is not None:
            scale, centre = (one.view(-1, 1, 1, 1) for one in (self.given_scale, self.given_centre))
            signs = sign(latent - centre)
        return LayerTrace(
            x=x,
            pre_sign=pre_sign,
            binary_input=sign(pre_sign),
            weight=latent,
            binary_weight=signs,
            scale=scale,
            shape=self.shape,
            pad_value=self.pad_value,
            centre=centre,
        )

    @torch.no_grad()
    def centre(self, weight: Tensor | None) -> Tensor | None:
        own = self._own_weight(weight)
        if self.given_centre is not None:
            return self.given_centre
        return folded_levels(own, self._size())[1].flatten()

    @torch.no_grad()
    def give(self, stored: StoredWeight, weight: Tensor | None) -> None:
        if stored.centre is None:
            raise ValueError("This alternative's weights need the centre of each output channel.")
        super().give(stored, weight)
        self._own_weight(weight).add_(stored.centre.view(-1, 1, 1, 1))
        self.given_centre = stored.centre

    def _pre_sign(self, x: Tensor) -> Tensor:
        return (x - self.threshold.to(x.dtype)) / self._size().to(x.dtype)

    def _size(self) -> Tensor:
        """s, (1, 1, 1, 1)."""
        return self.size_log.exp().view(1, 1, 1, 1)

    def _rule_now(self) -> WeightRule:
        if self.given_scale is not None:
            return RealWeight()
        return TwoLevels(self.inputs_only)

    def _levels(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return sign(weight - centre_of(weight)), folded_levels(weight, self._size())[0].flatten()

    def _given_levels(self, weight: Tensor, scale: Tensor) -> Tensor:
        centre = self.given_centre
        return sign(weight if centre is None else weight - centre.view(-1, 1, 1, 1))


def centre_of(weight: Tensor) -> Tensor:
    """b, (Co, 1, 1, 1)."""
    return weight.mean((1, 2, 3), keepdim=True)


def spread_of(weight: Tensor) -> Tensor:
    """a, (Co, 1, 1, 1), at least 1e-12: a channel whose weights are all equal has no deviation."""
    return (weight - centre_of(weight)).square().mean((1, 2, 3), keepdim=True).sqrt().clamp(min=LEAST_SCALE)


def standardised(weight: Tensor) -> Tensor:
    """u, (Co, Ci, k, k)."""
    return (weight - centre_of(weight)) / spread_of(weight)


def folded_levels(weight: Tensor, scale: Tensor | None) -> tuple[Tensor, Tensor]:
    """s a and s b, each (Co, 1, 1, 1)."""
    return spread_of(weight) * _or_one(scale), centre_of(weight) * _or_one(scale)


def _or_one(scale: Tensor | None) -> Tensor | float:
    return 1.0 if scale is None else scale
