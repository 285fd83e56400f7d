"""The sign without a zero, and the gradients that pass through it in place of its own."""

import torch
from torch import Tensor


@torch.no_grad()
def sign(x: Tensor) -> Tensor:
    """-1 where x < 0, else +1, in x's shape and dtype, without a gradient; what is no number keeps its sign bit.

    torch.sign maps 0 to 0, which would drop the value out of a 1-bit product; here zero goes to +1.
    """
    # Adding 0 turns -0.0 into +0.0. A comparison with torch.where is clearer, and ten times slower on a CPU. One buffer
    # serves both passes: a second one of several MB may cost more in page faults than the passes themselves.
    result = x + 0.0
    return torch.copysign(torch.ones((), dtype=x.dtype, device=x.device), result, out=result)


def pass_clipped(grad: Tensor, x: Tensor) -> Tensor:
    """Straight-through estimator: `grad` where |x| <= 1, else 0 (arXiv:1602.02830)."""
    # One fused pass; its bounds are exclusive, so they stand just outside.
    return torch.ops.aten.hardtanh_backward(grad, x, -_JUST_ABOVE_ONE, _JUST_ABOVE_ONE)


def pass_approx(grad: Tensor, x: Tensor) -> Tensor:
    """ApproxSign of Bi-Real Net: `grad` times 2 - 2|x| where |x| <= 1, else 0 (arXiv:1808.00278, section 3.3).

    The slope is the derivative of F(x) = 2x + x^2 on [-1, 0), 2x - x^2 on [0, 1), -1 and +1 outside.
    """
    return x.abs().mul_(-2).add_(2).clamp_(min=0).mul_(grad)


_JUST_ABOVE_ONE = 1.0000001
