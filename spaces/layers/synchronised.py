"""BatchNorm whose statistics are those of the whole batch where several processes share it.

torch's own SyncBatchNorm runs on GPUs alone, replaces the modules, and with them their types, by which costs and
recalibration know BatchNorms. Here the modules stay: within `synchronised_norms` they compute otherwise.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from spaces.layers.levels import least_values
from spaces.precision import in_float32
from spaces.whole_batch import processes_sharing


@contextmanager
def synchronised_norms(modules: nn.Module) -> Iterator[None]:
    """Within this context every BatchNorm2d in training normalises by the mean and variance over all processes.

    That is so where these share a batch (`whole_batch.sharing_batch`): between steps each computes for itself.
    """
    norms = [module for module in modules.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.forward = partial(_forward, norm)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for norm in norms:
            del norm.forward


def _forward(norm: nn.BatchNorm2d, x: Tensor) -> Tensor:
    """As `type(norm).forward`. x (N, C, H, W), of this process."""
    if not norm.training or processes_sharing() == 1:
        return type(norm).forward(norm, x)
    average, variance, count = _statistics(x.detach())
    if least_values(norm) and int(count) < least_values(norm):
        return F.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps)
    _track(norm, average, variance * (count / (count - 1)))
    y: Tensor = _SharedNorm.apply(x, norm.weight, norm.bias, average, variance, norm.eps, count)
    return y


def _statistics(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean (C,) and biased variance (C,) over all processes, and how many values a channel has there, a scalar.

    Means and squares about them are combined, not sums of squares, in which small variances would drown.
    """
    channels = x.shape[1]
    variance, average = torch.var_mean(in_float32(x), dim=(0, 2, 3), correction=0)
    own = torch.cat([average, variance, average.new_full((1,), x.numel() / channels)])
    of_all = [torch.empty_like(own) for _ in range(dist.get_world_size())]
    dist.all_gather(of_all, own)
    averages, variances, counts = torch.stack(of_all).split([channels, channels, 1], dim=1)
    count = counts.sum()
    shares = counts / count
    average = (shares * averages).sum(0)
    variance = (shares * (variances + (averages - average).square())).sum(0)
    return average, variance, count


@torch.no_grad()
def _track(norm: nn.BatchNorm2d, average: Tensor, variance: Tensor) -> None:
    """Update the running statistics, as torch does."""
    if norm.running_mean is None or norm.running_var is None or norm.num_batches_tracked is None:
        return
    norm.num_batches_tracked.add_(1)
    momentum = 1.0 / int(norm.num_batches_tracked) if norm.momentum is None else norm.momentum
    norm.running_mean.lerp_(average.to(norm.running_mean.dtype), momentum)
    norm.running_var.lerp_(variance.to(norm.running_var.dtype), momentum)


class _SharedNorm(torch.autograd.Function):
    """y = w (x - mean) / sqrt(var + eps) + b, mean and var of all processes' x, with the gradient through both."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, average: Tensor, variance: Tensor, eps: float, count: Tensor
    ) -> Tensor:
        ctx.save_for_backward(x, weight, average, variance)
        ctx.eps, ctx.count = eps, count
        return F.batch_norm(x, average, variance, weight, bias, eps=eps)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, average, variance = ctx.saved_tensors
        inverse = (variance + ctx.eps).rsqrt()
        # With mean and variance held fixed; the parameters' gradients are this process's, as all others are.
        at_fixed, grad_weight, grad_bias = torch.ops.aten.native_batch_norm_backward(
            grad, x, weight, average, variance, average, inverse, False, ctx.eps, [True, True, True]
        )
        sums = torch.stack([grad_weight, grad_bias])
        dist.all_reduce(sums)
        of_weight, of_bias = sums / ctx.count
        # what comes through mean and variance is linear in x: offset + slope x in each channel
        slope = weight * inverse * inverse * of_weight
        offset = weight * inverse * of_bias - slope * average
        through = torch.addcmul(_by_channel(offset), in_float32(x), _by_channel(slope))
        return (at_fixed - through).to(x.dtype), grad_weight, grad_bias, None, None, None, None


def _by_channel(x: Tensor) -> Tensor:
    return x.view(1, -1, 1, 1)
