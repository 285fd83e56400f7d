"""The 1-bit convolution as one fused autograd function, which costs little more than a float one."""

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from spaces.layers.signs import pass_approx, pass_clipped, sign

WeightGradient = Literal["xnor", "clipped"]
InputGradient = Literal["clipped", "approx"]

_PASSES = {"clipped": pass_clipped, "approx": pass_approx}


def binary_conv2d(
    x: Tensor,
    weight: Tensor,
    *,
    stride: int,
    padding: int,
    input_gradient: InputGradient,
    weight_gradient: WeightGradient,
    pad_value: float = 0.0,
) -> Tensor:
    """Convolve sign(x) with alpha * sign(weight), alpha the mean magnitude of each output channel's weights.

    x (N, Ci, H, W), weight (Co, Ci, k, k), result (N, Co, Ho, Wo).

    Forward: y_o = alpha_o * (sign(x) conv sign(w_o)), alpha_o = mean |w_o| (XNOR-Net, arXiv:1603.05279, section 3.1).
    Gradient of x: passed through the sign with the slope of `input_gradient`: `clipped` (arXiv:1602.02830) or `approx`
    (arXiv:1808.00278). Gradient of w, with G the gradient at alpha * sign(w) and n = Ci k k weights in a channel:
      `xnor`     alpha G [|w| <= 1] + sign(w) <G, sign(w)>_o / n, the chain rule with alpha in the graph (the rule of
      arXiv:1603.05279 itself takes the second part weight by weight);
      `clipped`  G [|w| <= 1], alpha held constant and left out of the slope (ReActNet's published training code).

    `pad_value` is what stands outside the map: 0, as Bi-Real Net and ReActNet have it (three-valued at the border; the
    default), or -1, which keeps the product purely binary.
    """
    if pad_value and padding:
        # Far outside the slope's support, so that no gradient reaches the border; only its sign matters.
        x = F.pad(x, (padding,) * 4, value=2.0 * pad_value)
        padding = 0
    return _BinaryConv2d.apply(x, weight, stride, padding, input_gradient, weight_gradient)


def binary_weight(weight: Tensor) -> tuple[Tensor, Tensor]:
    """sign(weight) (Co, Ci, k, k) and its scale, the mean magnitude (Co, 1, 1, 1)."""
    return sign(weight), weight.abs().mean((1, 2, 3), keepdim=True)


class _BinaryConv2d(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        stride: int,
        padding: int,
        input_gradient: InputGradient,
        weight_gradient: WeightGradient,
    ) -> Tensor:
        signs, scale = binary_weight(weight)
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        ctx.input_gradient, ctx.weight_gradient = input_gradient, weight_gradient
        return F.conv2d(sign(x), signs * scale, stride=stride, padding=padding)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        signs, scale = binary_weight(weight)
        grad_x, grad_w, _ = torch.ops.aten.convolution_backward(
            grad,
            sign(x),
            signs * scale,
            None,
            [ctx.stride] * 2,
            [ctx.padding] * 2,
            [1, 1],
            False,
            [0, 0],
            1,
            [ctx.needs_input_grad[0], ctx.needs_input_grad[1], False],
        )
        if grad_x is not None:
            grad_x = _PASSES[ctx.input_gradient](grad_x, x)
        if grad_w is not None:
            grad_w = _weight_gradient(grad_w, weight, signs, scale, ctx.weight_gradient)
        return grad_x, grad_w, None, None, None, None


def _weight_gradient(grad: Tensor, weight: Tensor, signs: Tensor, scale: Tensor, rule: WeightGradient) -> Tensor:
    if rule == "clipped":
        return pass_clipped(grad, weight)
    through_scale = (grad * signs).mean((1, 2, 3), keepdim=True)
    return pass_clipped(grad, weight).mul_(scale).addcmul_(signs, through_scale)
