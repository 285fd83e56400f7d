"""The 1-bit alternatives that share the unit's latent weight."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from spaces.layers.alternative import Alternative, LayerTrace, UnitShape
from spaces.layers.binary_conv import InputGradient, binary_conv2d
from spaces.layers.channel_bias import ChannelBias
from spaces.layers.channel_gate import channel_gate
from spaces.layers.input_norm import InputNorm, input_shift
from spaces.layers.latent import LEARNS_SCALE, Weights, rule_for, seen, sees
from spaces.layers.prelu import PReLU
from spaces.layers.signs import sign
from spaces.layers.weight_rules import RealWeight, Searched, WeightRule, mean_scale
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


ANNEALED_SHARE, LAST_TEMPERATURE = 0.75, 0.1


def annealed_rule(progress: float) -> Searched:
    """The weight rule of an annealed search at this share of the training, 0 to 1."""
    if progress >= ANNEALED_SHARE:
        return Searched("hard")
    return Searched("soft", temperature=LAST_TEMPERATURE ** (progress / ANNEALED_SHARE))


class DBS(Binary):
    """Differentiable binarization search (LWS-Det, CVPR 2021, section 3.2): each weight's sign is searched.

    sign -> convolution with alpha * sign(d) -> BatchNorm -> + shortcut -> PReLU; the difference d of the logits (Co,
    Ci, k, k) and the learned scale alpha belong to this alternative alone; see `weight_rules.Searched`. The residual
    layout with a PReLU is recalled of the paper's networks, not read. d starts from a real weight, divided by its
    channel's standard deviation, or from N(0, 1) where there is none, or with `normal_start`.

    relaxation says what is convolved in training: `annealed` the relaxed weight, of a temperature that falls from 1 to
    0.1 over the first three quarters of a training (`search_progress`), then the hard one, sign(d); `hard` always
    sign(d); `soft` always the relaxed one. The paper leaves it open; annealed measured best
    (docs/measurements/dbs.md). Evaluation always convolves sign(d).
    """

    owns_weight = True
    folded = ("scale", "logits")
    weighed = ("scale", "logits")

    def __init__(
        self,
        shape: UnitShape,
        *,
        relaxation: Literal["annealed", "hard", "soft"] = "annealed",
        normal_start: bool = False,
        gate: bool = False,
        input_norm: bool = False,
        pad_value: float = 0.0,
    ) -> None:
        super().__init__(
            shape,
            rule=Searched(),
            input_gradient="approx",
            learned_scale=True,
            post=PReLU,
            gate=gate,
            input_norm=input_norm,
            pad_value=pad_value,
        )
        self.logits = nn.Parameter(torch.randn(shape.weight))
        self.relaxation, self.normal_start = relaxation, normal_start
        self.search_progress = 1.0
        """The share of the training that is done, 0 to 1; the trainer sets it."""

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """The logits have a learning rate of their own: they must travel a whole unit to change a sign."""
        return {"logit": [self.logits]}

    def relaxed_until(self, progress: float) -> bool:
        """Whether the steps just before this share of a training convolved the relaxed weight."""
        return self.relaxation == "soft" or (self.relaxation == "annealed" and progress <= ANNEALED_SHARE)

    def clipped_apart(self) -> list[nn.Parameter]:
        """Logits and scale: the layer losses that train them are often larger than all other losses together."""
        return [parameter for parameter in (self.logits, self.scale) if parameter is not None]

    @torch.no_grad()
    def start_from(self, weight: Tensor) -> None:
        super().start_from(weight)
        if not self.normal_start:
            self.logits.copy_(weight / weight.std((1, 2, 3), keepdim=True).clamp(min=1e-8))

    def _own_weight(self, weight: Tensor | None) -> Tensor:
        return self.logits

    def _rule_now(self) -> WeightRule:
        if self.inputs_only:  # logits are no weights: where these shall be real, the relaxed choice stands in
            return Searched("soft")
        return super()._rule_now()

    def _own_rule(self) -> WeightRule:
        if not self.training or self.relaxation == "hard":
            return self.rule
        if self.relaxation == "soft":
            return Searched("soft")
        return annealed_rule(self.search_progress)
