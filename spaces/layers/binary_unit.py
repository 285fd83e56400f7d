"""The 1-bit alternatives that share the unit's latent weight."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from spaces.layers.alternative import Alternative, LayerTrace, UnitShape
from spaces.layers.binary_conv import InputGradient, binary_conv2d
from spaces.layers.channel_bias import ChannelBias
from spaces.layers.channel_gate import channel_gate
from spaces.layers.input_norm import InputNorm, input_shift
from spaces.layers.latent import LEARNS_SCALE, Weights, rule_for, seen, sees
from spaces.layers.signs import sign
from spaces.layers.weight_rules import RealWeight, WeightRule, mean_scale
from spaces.precision import in_float32

Make = Callable[[int], nn.Module]
"""From a number of channels to a module over maps (N, C, H, W)."""


class Binary(Alternative):
    """(shift) sign -> 1-bit convolution (-> gate) -> BatchNorm -> + shortcut -> (post-activation). x (N, Ci, H, W).

    The input must take both signs: a ReLU before this unit would make its sign a constant.

    rule: how the latent weight is binarized. learned_scale: the scale is a parameter instead of the mean magnitude.
    shift: moves the sign's threshold. input_norm: a BatchNorm in its place, see `input_norm.InputNorm`. gate: factors
    of the product that follow from x, see `channel_gate.ChannelGate`. post: behind the shortcut. weight_shift: a
    learned bias a channel on the latent weight before its sign. pad_value: 0 or -1, see `binary_conv2d`. weights:
    `plain`, or another rule in its place:

    normalised: the weight in deviations of its channel, see `weight_rules.Normalised`.
    rectified: likewise, with a gradient for larger weights too, see `weight_rules.Rectified`.
    periodic (BiPer, CVPR 2024): alpha sign(sin(omega w)) with the gradient of alpha sin(omega w), which the first stage
    of two convolves; see `latent.PHASE`.
    resilient (ReBNN, AAAI 2023): `xnor` of a learned scale; the trainer adds a pull of w to alpha sign(w), see
    `trainers.training.resilience`.
    """

    is_binary = True
    folded: tuple[str, ...] = ("scale", "weight_shift")
    weighed: tuple[str, ...] = ("scale", "weight_shift")

    def __init__(
        self,
        shape: UnitShape,
        *,
        rule: WeightRule,
        input_gradient: InputGradient,
        learned_scale: bool = False,
        shift: Make | None = None,
        post: Make | None = None,
        weight_shift: bool = False,
        gate: bool = False,
        input_norm: bool = False,
        pad_value: float = 0.0,
        weights: Weights = "plain",
    ) -> None:
        super().__init__(shape)
        self.rule, self.input_gradient, self.pad_value = rule_for(weights, rule), input_gradient, pad_value
        self.weights: Weights = weights
        learned_scale = learned_scale or weights in LEARNS_SCALE
        self.scale = nn.Parameter(torch.ones(shape.out_channels)) if learned_scale else None
        self.shift: nn.Module | None = shift(shape.in_channels) if shift is not None else None
        if input_norm:
            self.shift = input_shift(shape)
        self.gate = channel_gate(shape) if gate else None
        self.weight_shift = ChannelBias(shape.out_channels) if weight_shift else None
        self.post = post(shape.out_channels) if post is not None and not shape.bare else None
        self.inputs_only = False
        """The first stage of two: inputs are binary, weights still real."""

    def forward(self, x: Tensor, weight: Tensor | None) -> Tensor:
        y = self._product(x if self.shift is None else self.shift(x), weight, self._learned_scale())
        return self.bn(y if self.gate is None else y * self.gate(x).to(y.dtype))

    def _product(self, pre_sign: Tensor, weight: Tensor | None, scale: Tensor | None) -> Tensor:
        """The convolution of the signs, (N, Co, H', W')."""
        return binary_conv2d(
            pre_sign,
            self._latent(weight),
            self._rule_now(),
            scale=scale,
            stride=self.shape.stride,
            padding=self.shape.padding,
            dilation=self.shape.dilation,
            groups=self.shape.groups,
            input_gradient=self.input_gradient,
            pad_value=self.pad_value,
        )

    def after(self, y: Tensor) -> Tensor:
        return y if self.post is None else self.post(y)

    def seen(self, weight: Tensor) -> Tensor:
        """What the sign is taken of, of a latent weight (Co, Ci, k, k)."""
        if self.weight_shift is not None:
            weight = weight + self.weight_shift.bias.view(-1, 1, 1, 1)
        return seen(weight, self.weights, self.shape)

    @property
    def sees(self) -> tuple[bool, Weights]:
        """What `seen` does: two alternatives of which it is the same have the same signs of the same weight."""
        return sees(self.weight_shift is not None, self.weights)

    @torch.no_grad()
    def start_from(self, weight: Tensor) -> None:
        if self.scale is not None:  # of periodic that of the weight itself, whose signs the sine's are at first
            own = weight if self.weights == "periodic" else seen(weight, self.weights, self.shape)
            self.scale.copy_(mean_scale(own).flatten())

    @torch.no_grad()
    def refit_scale(self, weight: Tensor) -> None:
        if self.weights != "periodic":  # whose scale real weights have too
            Binary.start_from(self, weight)

    def trace(self, x: Tensor, weight: Tensor | None) -> LayerTrace:
        x = in_float32(x)
        pre_sign = self._pre_sign(x)
        latent = self._latent(weight)
        scale = self._learned_scale()
        return LayerTrace(
            x=x,
            pre_sign=pre_sign,
            binary_input=sign(pre_sign),
            weight=latent * scale if self.weights == "periodic" and scale is not None else latent,
            binary_weight=self._rule_now().signs(latent),
            scale=mean_scale(latent) if scale is None else scale,
            shape=self.shape,
            pad_value=self.pad_value,
            scale_is_learned=scale is not None,
        )

    def _pre_sign(self, x: Tensor) -> Tensor:
        """What `forward` takes the sign of; nothing changes by it."""
        if isinstance(self.shift, InputNorm):
            return self.shift.untracked(x)
        return x if self.shift is None else self.shift(x)

    def _latent(self, weight: Tensor | None) -> Tensor:
        own = self._own_weight(weight)
        return own if self.given_scale is not None else self.seen(own)

    def _learned_scale(self) -> Tensor | None:
        """Its magnitude: in front of a BatchNorm nothing holds it, and a sign of its own would flip a channel's."""
        if self.given_scale is not None:
            return self.given_scale.view(-1, 1, 1, 1)
        return None if self.scale is None else self.scale.abs().view(-1, 1, 1, 1)

    def _rule_now(self) -> WeightRule:
        if self.given_scale is not None:
            return RealWeight()
        return RealWeight(scaled=self.weights == "periodic") if self.inputs_only else self._own_rule()

    def _own_rule(self) -> WeightRule:
        return self.rule

    def _levels(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        latent, scale = self._latent(weight), self._learned_scale()
        return sign(latent), (mean_scale(latent) if scale is None else scale).flatten()

    def _given_levels(self, weight: Tensor, scale: Tensor) -> Tensor:
        return sign(weight)
