"""What a pass needs to know of the whole batch where several processes share it: counts, extremes and means.

A training in W processes gives each an equal share of a batch, and averages their gradients. So a loss that is a mean
over images is that of the whole batch. One that divides a sum by a count, such as that of positives, must divide by
the mean count of a process: the average of (sum_r / (count / W)) over r is sum / count. Here are these counts. With one
process everything is as if this module weren't there.

The processes wait for each other here. So all must come here equally often and in the same order: never behind a
question whose answer depends on the images.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
import torch.distributed as dist
from torch import Tensor

_shared: ContextVar[int] = ContextVar("processes that share the batch", default=1)


@contextmanager
def sharing_batch(processes: int) -> Iterator[None]:
    """Within this context each of torch.distributed's `processes` has an equal share of one batch."""
    before = _shared.set(processes)
    try:
        yield
    finally:
        _shared.reset(before)


def processes_sharing() -> int:
    """How many processes share the batch of this pass."""
    return _shared.get()


def divisor(count: Tensor, least: float = 1) -> Tensor:
    """What a sum over this process's share is divided by: the batch's count, at least `least`, over the processes.

    count: of this process's share, a scalar without a gradient.
    """
    processes = _shared.get()
    if processes == 1:
        return count.clamp(min=least)
    return summed(count.detach() * 1.0).clamp(min=least) / processes


def weighed(mean: Tensor, count: Tensor) -> Tensor:
    """A mean over `count` values of this process, so weighed that its average over processes is that over all values.

    mean: 0 where count is 0.
    """
    if _shared.get() == 1:
        return mean
    return mean * (count / divisor(count))


def summed(x: Tensor) -> Tensor:
    """The sum over processes, without a gradient."""
    return _reduced(x, dist.ReduceOp.SUM)


def largest(x: Tensor) -> Tensor:
    """The largest over processes, without a gradient."""
    return x if _shared.get() == 1 else _reduced(x, dist.ReduceOp.MAX)


def mean(x: Tensor) -> Tensor:
    """The mean over processes, without a gradient."""
    return x if _shared.get() == 1 else summed(x) / _shared.get()


def _reduced(x: Tensor, operation: dist.ReduceOp.RedOpType) -> Tensor:
    result = x.detach().clone(memory_format=torch.contiguous_format)
    dist.all_reduce(result, operation)
    return result
