"""torch's PReLU with a faster gradient, and for maps of 16 bits."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PReLU(nn.PReLU):
    """torch's, to the bit in float32: y = x where x > 0, else w x, with one w or one a channel. x (N, C, H, W).

    On a CPU torch's own gradient takes as long as twenty passes over the map. A map of 16 bits meets w in 16 bits.
    """

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = _PReLU.apply(x, self.weight)
        return y


class _PReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return F.prelu(x, weight.to(x.dtype))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        of_input = of_weight = None
        if ctx.needs_input_grad[0]:
            # Each place has one of two summands, so that their sum is exact. torch.where takes as long as ten passes.
            of_input = torch.ops.aten.threshold_backward(grad, x, 0)
            of_input.addcmul_(grad - of_input, weight.to(x.dtype).view(1, -1, 1, 1))
        if ctx.needs_input_grad[1]:
            products = x.clamp(max=0).mul_(grad)
            of_weight = products.sum((0, 2, 3) if weight.numel() > 1 else (0, 1, 2, 3)).view_as(weight).to(weight.dtype)
        return of_input, of_weight
