"""Norms and scales with own parameters per pyramid level, for parts that all levels share."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEAST_VALUES = 4
"""Fewest values per channel from which a mean and a variance are estimated."""


class SmallMapNorm(nn.BatchNorm2d):
    """A BatchNorm for levels as small as one cell. x (N, C, H, W).

    If a batch has fewer than `LEAST_VALUES` values per channel, training also normalises by the running statistics and
    doesn't update them: one value has no variance, and any two values become -1 and 1.
    """

    def forward(self, x: Tensor) -> Tensor:
        if self.training and x.numel() < least_values(self) * self.num_features:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        return super().forward(x)


def least_values(norm: nn.Module) -> int:
    """Fewer values per channel than this aren't normalised by their own statistics."""
    return LEAST_VALUES if isinstance(norm, SmallMapNorm) else 0


class LevelNorms(nn.Module):
    """A BatchNorm for each of `levels`, behind a convolution that all of them share. x (N, C, H, W).

    Levels differ in mean and variance: one BatchNorm for all would normalise each by its own statistics in training
    and all by a mixture of them afterwards. `at_level` sets the level around a call; without it the call raises
    RuntimeError, as the level of an earlier call would give wrong results silently.
    """

    def __init__(self, channels: int, levels: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(SmallMapNorm(channels) for _ in range(levels))
        self.level: int | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.level is None:
            raise RuntimeError(
                "A norm of several levels was called outside `at_level`, which sets the level of the map."
            )
        y: Tensor = self.norms[self.level](x)
        return y


class LevelScales(nn.Module):
    """One learned factor per level, 1 at first (FCOS, arXiv:1904.01355, section 3.2). x (N, C, H, W)."""

    def __init__(self, levels: int) -> None:
        super().__init__()
        self.factors = nn.Parameter(torch.ones(levels))

    def forward(self, x: Tensor, level: int) -> Tensor:
        return x * self.factors[level]


@contextmanager
def at_level(modules: Iterable[nn.Module], level: int) -> Iterator[None]:
    """Within this context every `LevelNorms` among `modules` normalises maps of this level."""
    norms = [module for module in modules if isinstance(module, LevelNorms)]
    for norm in norms:
        norm.level = level
    try:
        yield
    finally:
        for norm in norms:
            norm.level = None
