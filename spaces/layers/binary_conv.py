"""The 1-bit convolution as one fused autograd function, which costs little more than a float one."""

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from spaces.layers.products import conv_gradients
from spaces.layers.signs import pass_approx, pass_clipped, sign
from spaces.layers.weight_rules import WeightRule

InputGradient = Literal["clipped", "approx"]

_PASSES = {"clipped": pass_clipped, "approx": pass_approx}


def binary_conv2d(
    x: Tensor,
    weight: Tensor,
    rule: WeightRule,
    *,
    scale: Tensor | None = None,
    stride: int,
    padding: int,
    dilation: int = 1,
    groups: int = 1,
    input_gradient: InputGradient,
    pad_value: float = 0.0,
) -> Tensor:
    """Convolve sign(x) with what `rule` makes of a latent weight.

    x (N, Ci, H, W), weight (Co, Ci / groups, k, k), scale (Co, 1, 1, 1) where it is learned; result (N, Co, Ho, Wo).
    In mixed precision the product is of 16 bits and the rule's own arithmetic of float32, see `spaces.precision`.
    The gradient of x passes through the sign with the slope of `input_gradient`: `clipped` (arXiv:1602.02830) or
    `approx` (arXiv:1808.00278); those of weight and scale are the rule's.

    `pad_value` is what stands outside the map: 0, as Bi-Real Net and ReActNet have it (three-valued at the border; the
    default), or -1, which keeps the product purely binary.
    """
    if pad_value and padding:
        # Far outside the slope's support, so that no gradient reaches the border; only its sign matters.
        x = F.pad(x, (padding,) * 4, value=2.0 * pad_value)
        padding = 0
    return _BinaryConv2d.apply(x, weight, scale, rule, stride, padding, dilation, groups, input_gradient)


class _BinaryConv2d(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        scale: Tensor | None,
        rule: WeightRule,
        stride: int,
        padding: int,
        dilation: int,
        groups: int,
        input_gradient: InputGradient,
    ) -> Tensor:
        effective = rule.effective(weight, scale)
        ctx.save_for_backward(x, weight, scale, effective)
        ctx.rule, ctx.input_gradient = rule, input_gradient
        ctx.places = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        return F.conv2d(sign(x), effective, None, stride, padding, dilation, groups)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, scale, effective = ctx.saved_tensors
        wants_x, wants_weight, wants_scale = ctx.needs_input_grad[:3]
        grad_x, grad_effective = conv_gradients(
            grad, sign(x), effective, wanted=(wants_x, wants_weight or wants_scale), **ctx.places
        )
        if grad_x is not None:
            grad_x = _PASSES[ctx.input_gradient](grad_x.to(x.dtype), x)
        grad_weight = grad_scale = None
        if grad_effective is not None:
            grad_weight, grad_scale = ctx.rule.gradients(grad_effective.to(weight.dtype), weight, scale, effective)
        return grad_x, grad_weight, grad_scale, None, None, None, None, None, None
