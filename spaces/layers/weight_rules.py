"""Binarization rules: from a latent weight to the weight that is convolved, and the gradient back.

A rule is a small immutable object: `effective(weight, scale)` is what is convolved, `gradients` sends the gradient at
it back to the latent weight and to a learned scale, and `signs` gives the binary weight alone, differentiable, for
losses that compare layers. weight (Co, Ci, k, k), scale (Co, 1, 1, 1) or None.
"""

import math
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor

from spaces.layers.signs import pass_clipped, sign

WeightGradient = Literal["xnor", "clipped"]
Relaxation = Literal["hard", "soft"]
LEAST_SCALE = 1e-12


class WeightRule(Protocol):
    """How a latent weight is binarized."""

    def effective(self, weight: Tensor, scale: Tensor | None) -> Tensor: ...

    def gradients(
        self, grad: Tensor, weight: Tensor, scale: Tensor | None, effective: Tensor
    ) -> tuple[Tensor, Tensor | None]: ...

    def signs(self, weight: Tensor) -> Tensor: ...


def mean_scale(weight: Tensor) -> Tensor:
    """The mean magnitude of each output channel's weights, (Co, 1, 1, 1): least squares for a given sign(w).

    Never below 1e-12, so that a channel of zeros can still learn.
    """
    return weight.abs().mean((1, 2, 3), keepdim=True).clamp(min=LEAST_SCALE)


def channel_dot(one: Tensor, other: Tensor) -> Tensor:
    """The inner product of each output channel's weights, (Co, 1, 1, 1)."""
    return (one * other).sum((1, 2, 3), keepdim=True)  # vecdot and einsum copy where channels come last


def scale_gradient(grad: Tensor, effective: Tensor, scale: Tensor) -> Tensor:
    """A learned scale's gradient <G, w^>_o, from effective = scale w^: cheaper than taking the sign again.

    A scale of exactly 0 gets none.
    """
    return channel_dot(grad, effective) / torch.where(scale.abs() < LEAST_SCALE, LEAST_SCALE, scale)


@dataclass(frozen=True)
class StraightThrough:
    """Sign with a straight-through gradient, times a scale per output channel o.

        q(w)     = alpha sign(w),  alpha = mean |w| over the channel, or the learned `scale`

    G is the gradient at q(w), n = Ci k k the number of weights in a channel, <., .>_o the sum over them:

        dL/dw    = alpha G [|w| <= 1]                              `xnor`, learned alpha
        dL/dw    = alpha G [|w| <= 1] + sign(w) <G, sign(w)>_o / n   `xnor`, mean alpha
        dL/dw    = G [|w| <= 1]                                    `clipped`
        dL/dalpha = <G, sign(w)>_o                                 learned alpha

    `xnor` is the chain rule with alpha in the graph; XNOR-Net's own rule (arXiv:1603.05279) takes the second summand
    weight by weight. `clipped` holds alpha constant and leaves it out of the slope (ReActNet's training code).
    """

    gradient: WeightGradient

    def effective(self, weight: Tensor, scale: Tensor | None) -> Tensor:
        return sign(weight).mul_(mean_scale(weight) if scale is None else scale)

    def gradients(
        self, grad: Tensor, weight: Tensor, scale: Tensor | None, effective: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        passed = pass_clipped(grad, weight)
        if scale is not None:
            along = scale_gradient(grad, effective, scale)
            return (passed.mul_(scale) if self.gradient == "xnor" else passed), along
        if self.gradient == "clipped":
            return passed, None
        # sign(w) = effective / alpha: cheaper than taking the sign again.
        alpha = mean_scale(weight)
        through_scale = channel_dot(grad, effective) / (alpha.square() * weight[0].numel())
        return passed.mul_(alpha).addcmul_(effective, through_scale), None

    def signs(self, weight: Tensor) -> Tensor:
        straight = weight.clamp(-1, 1)
        return sign(weight.detach()) + (straight - straight.detach())


@dataclass(frozen=True)
class Searched:
    """Differentiable binarization search (LWS-Det, CVPR 2021): the choice between -1 and +1, relaxed by a softmax.

    Each weight has logits b-, b+. Only their difference d = b+ - b- matters, and it is the parameter: softmax weights
    the two candidates to p+ - p- = tanh(d / (2 T)), and the more probable one is sign(d). With the learned scale alpha
    and G the gradient at q(d):

        q(d)      = alpha sign(d)                                `hard`
        q(d)      = alpha tanh(d / (2 T))                        `soft`
        dL/dd     = alpha G (1 - tanh(d / (2 T))^2) / (2 T)      both
        dL/dalpha = <G, q(d) / alpha>_o                          both

    T is a temperature, 1 unless a schedule lowers it. The paper prints the hard weight in its loss and leaves open
    which one the forward pass uses; hard with the softmax's gradient is our reading.
    """

    relaxation: Relaxation = "hard"
    temperature: float = 1.0

    def effective(self, weight: Tensor, scale: Tensor | None) -> Tensor:
        return self._forward(weight).mul_(1.0 if scale is None else scale)

    def gradients(
        self, grad: Tensor, weight: Tensor, scale: Tensor | None, effective: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        soft = torch.tanh(weight / (2 * self.temperature))
        along = None if scale is None else scale_gradient(grad, effective, scale)
        passed = torch.ops.aten.tanh_backward(grad, soft)
        return passed.mul_(1 / (2 * self.temperature) if scale is None else scale / (2 * self.temperature)), along

    def signs(self, weight: Tensor) -> Tensor:
        soft = torch.tanh(weight / (2 * self.temperature))
        return soft if self.relaxation == "soft" else sign(weight.detach()) + (soft - soft.detach())

    def _forward(self, weight: Tensor) -> Tensor:
        return torch.tanh(weight / (2 * self.temperature)) if self.relaxation == "soft" else sign(weight)


@dataclass(frozen=True)
class Normalised:
    """Another rule for a weight in deviations of its channel, as NAS-BNN (arXiv:2408.15484) and IR-Net have it.

    v is the weight without its channel's mean, n the number of weights in a channel, q0 the rule `of`:

        d        = sqrt(<v, v>_o / n),  v^ = v / d
        q(v)     = alpha sign(v^),  alpha = d mean |v^| = mean |v|, or the learned `scale`
        dL/dv    = h - v^ <h, v^>_o / n,  h what q0 sends back to v^ for the gradient G and the scale alpha / d

    So the gradient flows through the deviation inside the sign (the second summand), and through the mean where that is
    taken away (it loses its own mean there). The factor d of alpha is ours, and is held constant. The paper's scale is
    mean |v^|; in front of a BatchNorm both are the same network with the same gradient, and elsewhere ours has the
    magnitude of a real layer.
    """

    of: WeightRule

    def effective(self, weight: Tensor, scale: Tensor | None) -> Tensor:
        return self.of.effective(weight, scale)

    def gradients(
        self, grad: Tensor, weight: Tensor, scale: Tensor | None, effective: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        reach = self.reach(weight)
        own = None if scale is None else scale / reach
        passed, along = self.of.gradients(grad, weight / reach, own, effective / reach)
        normalised = weight / _deviation(weight)
        return passed - normalised * (channel_dot(passed, normalised) / weight[0].numel()), along

    def signs(self, weight: Tensor) -> Tensor:
        return self.of.signs(weight / self.reach(weight))

    def reach(self, weight: Tensor) -> Tensor:
        """Up to what magnitude a weight gets a gradient, (Co, 1, 1, 1): d."""
        return _deviation(weight)


@dataclass(frozen=True)
class Rectified(Normalised):
    """As `Normalised`, but q0 sees v / Q, so that weights get a gradient up to Q instead of d.

        Q        = -mean |v| ln(2 - 2 tau)

    ReCU (arXiv:2103.12369) clamps the weights there before their sign, which changes no sign. Q is the quantile tau of
    a Laplace distribution with the weights' mean magnitude. The paper's tau rises from 0.85 to 0.99 over a training;
    ours stays, and Q is one of each channel, not of a layer.
    """

    tau: float = 0.99

    def reach(self, weight: Tensor) -> Tensor:
        return mean_scale(weight) * -math.log(2 - 2 * self.tau)


def _deviation(weight: Tensor) -> Tensor:
    """Of each output channel's weights round zero, (Co, 1, 1, 1)."""
    return weight.square().mean((1, 2, 3), keepdim=True).sqrt().clamp(min=LEAST_SCALE)


@dataclass(frozen=True)
class RealWeight:
    """The latent weight as it is: the first stage of two, in which the inputs alone are binary.

    scaled: times the learned scale, which it trains then too.
    """

    scaled: bool = False

    def effective(self, weight: Tensor, scale: Tensor | None) -> Tensor:
        return weight * scale if self.scaled and scale is not None else weight

    def gradients(
        self, grad: Tensor, weight: Tensor, scale: Tensor | None, effective: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        if self.scaled and scale is not None:
            return grad * scale, channel_dot(grad, weight)
        return grad, None

    def signs(self, weight: Tensor) -> Tensor:
        return StraightThrough("clipped").signs(weight)
