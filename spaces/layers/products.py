"""Convolutions, and their gradients in the precision in which they are fastest."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

WIDEST_FAST = 3
"""The widest depthwise kernel whose weights have a fast gradient of bf16."""

Gradients = tuple[Tensor | None, Tensor | None]
"""Of a convolution's input and weight."""


def conv2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: int,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> Tensor:
    """torch's convolution; grouped ones in mixed precision on a CPU with the gradients of `conv_gradients`.

    x (N, Ci, H, W), weight (Co, Ci / groups, k, k), bias (Co,).
    """
    if groups > 1 and x.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
        dtype = torch.get_autocast_dtype("cpu")
        y: Tensor = _Grouped.apply(x.to(dtype), weight.to(dtype), stride, padding, dilation, groups)
        return y if bias is None else y + bias.to(dtype).view(-1, 1, 1)
    return F.conv2d(x, weight, bias, stride, padding, dilation, groups)


def conv_gradients(
    grad: Tensor,
    x: Tensor,
    weight: Tensor,
    *,
    stride: int,
    padding: int,
    dilation: int,
    groups: int,
    wanted: tuple[bool, bool],
) -> Gradients:
    """The gradients of a convolution without a bias, as grad's type, computed in it or in float32 where that is faster.

    oneDNN has no fast kernel of bf16 for two gradients of grouped convolutions: of the inputs with a stride, and of the
    weights with kernels wider than 3x3 (torch 2.15 on AVX512-BF16: 3 to 20 times the time of float32's; all others take
    half of it). wanted: those of x and of the weight; None is given for others.
    """
    slow = groups > 1 and grad.device.type == "cpu" and grad.dtype == torch.bfloat16
    slow_input, slow_weight = slow and stride > 1, slow and weight.shape[-1] > WIDEST_FAST

    def computed(mask: tuple[bool, bool], dtype: torch.dtype) -> Gradients:
        if not any(mask):
            return None, None
        of_input, of_weight, _ = torch.ops.aten.convolution_backward(
            grad.to(dtype),
            x.to(dtype),
            weight.to(dtype),
            None,
            [stride] * 2,
            [padding] * 2,
            [dilation] * 2,
            False,
            [0, 0],
            groups,
            [*mask, False],
        )
        return of_input, of_weight

    if slow_input == slow_weight:
        return computed(wanted, torch.float32 if slow_input else grad.dtype)
    of_input, _ = computed((wanted[0], False), torch.float32 if slow_input else grad.dtype)
    _, of_weight = computed((False, wanted[1]), torch.float32 if slow_weight else grad.dtype)
    return of_input, of_weight


class _Grouped(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int, padding: int, dilation: int, groups: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.places = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        return F.conv2d(x, weight, None, stride, padding, dilation, groups)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        wanted = ctx.needs_input_grad[:2]
        of_input, of_weight = conv_gradients(grad, x, weight, wanted=wanted, **ctx.places)
        return of_input, of_weight, None, None, None, None
