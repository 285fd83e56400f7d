"""A PReLU of which both slopes are learned."""

from typing import Any

import torch
from torch import Tensor, nn

Gradients = tuple[Tensor | None, Tensor | None, Tensor | None]


class Maxout(nn.Module):
    """y = above x where x > 0, else below x, a slope each a channel, 1 and 0.25 at first. x (N, C, H, W).

    AdaBin's activation (arXiv:2208.08084). A map of 16 bits meets the slopes in 16 bits.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.above = nn.Parameter(torch.ones(channels))
        self.below = nn.Parameter(torch.full((channels,), 0.25))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = _Maxout.apply(x, self.above, self.below)
        return y


class _Maxout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, above: Tensor, below: Tensor) -> Tensor:
        ctx.save_for_backward(x, above, below)
        # Each place has one of two summands, so that their sum is exact.
        return x.clamp(min=0).mul_(_slopes(above, x)).addcmul_(x.clamp(max=0), _slopes(below, x))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Gradients:
        x, above, below = ctx.saved_tensors
        of_input = None
        if ctx.needs_input_grad[0]:
            passed = torch.ops.aten.threshold_backward(grad, x, 0)
            of_input = (grad - passed).mul_(_slopes(below, x)).addcmul_(passed, _slopes(above, x))
        of_above = _summed(grad, x.clamp(min=0), above) if ctx.needs_input_grad[1] else None
        return of_input, of_above, _summed(grad, x.clamp(max=0), below) if ctx.needs_input_grad[2] else None


def _slopes(slopes: Tensor, x: Tensor) -> Tensor:
    return slopes.to(x.dtype).view(-1, 1, 1)


def _summed(grad: Tensor, part: Tensor, slopes: Tensor) -> Tensor:
    return part.mul_(grad).sum((0, 2, 3)).to(slopes.dtype)
