"""The sign without a zero, and the slopes that stand in for its derivative."""

from collections.abc import Callable

import torch
from torch import Tensor

Surrogate = Callable[[Tensor], Tensor]


def sign(x: Tensor) -> Tensor:
    """-1 where x < 0, else +1, in x's shape and dtype.

    torch.sign maps 0 to 0, which would drop the value out of a 1-bit product; here zero goes to +1.
    """
    return torch.where(x >= 0, 1.0, -1.0).to(x.dtype)


def clipped_slope(x: Tensor) -> Tensor:
    """Straight-through estimator: slope 1 where |x| <= 1, else 0 (arXiv:1602.02830)."""
    return (x.abs() <= 1).to(x.dtype)


def approx_slope(x: Tensor) -> Tensor:
    """ApproxSign of Bi-Real Net: slope 2 - 2|x| where |x| <= 1, else 0 (arXiv:1808.00278, section 3.3).

    It is the derivative of F(x) = 2x + x^2 on [-1, 0), 2x - x^2 on [0, 1), -1 and +1 outside.
    """
    return (2 - 2 * x.abs()).clamp_(min=0)
