"""BatchNorm statistics measured anew: those of a supernet belong to no candidate in particular."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import chain
from typing import cast

import torch
from torch import Tensor, nn

from spaces.layers.real import FakeQuantized


@torch.no_grad()
def recalibrate(network: nn.Module, batches: Iterable[list[Tensor]]) -> None:
    """Reset every BatchNorm's running statistics and set them to the mean over `batches` (lists of images).

    A batch counts by its number of images, so that a short last batch isn't overweighted. Needed before a candidate is
    scored (arXiv:1904.00420, section 3.4). The network computes as in evaluation, with the signs that were searched;
    the ranges of quantized inputs are measured anew in the same pass, learned steps only where no training set them. A
    BatchNorm or range that measures nothing, because its layer is unused or its maps are too small, keeps what it had.
    A last batch of one image goes with the one before: a map of one cell has no variance. Nothing else changes; the
    network is left in the mode that it was in. Raises ValueError, and changes nothing, when there is no batch.
    """
    batches = _without_last_single(batches)
    first = next(batches, None)
    if first is None:
        raise ValueError("Recalibration needs one batch of images or more; it got none.")
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    modes = {module: module.training for module in network.modules()}
    ranges = [module for module in network.modules() if isinstance(module, FakeQuantized)]
    observed = ExitStack()
    network.eval()
    try:
        before = [[buffer.clone() for buffer in norm.buffers()] for norm in norms]
        for norm in norms:
            norm.train()
            norm.reset_running_stats()
        for inputs in ranges:
            observed.enter_context(inputs.observed())
        seen = dict.fromkeys(norms, 0)
        for images in chain([first], batches):
            tracked = {norm: int(cast(Tensor, norm.num_batches_tracked)) for norm in norms}
            for norm in norms:  # a running mean over images instead of a fading one
                norm.momentum = len(images) / (seen[norm] + len(images))
            network(images)
            for norm in norms:
                seen[norm] += len(images) * (int(cast(Tensor, norm.num_batches_tracked)) > tracked[norm])
        for norm, buffers in zip(norms, before, strict=True):
            if not seen[norm]:
                for buffer, old in zip(norm.buffers(), buffers, strict=True):
                    buffer.copy_(old)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        observed.close()
        for module, mode in modes.items():
            module.training = mode


def _without_last_single(batches: Iterable[list[Tensor]]) -> Iterator[list[Tensor]]:
    """The batches; one image alone behind a batch of more goes with that."""
    waiting: list[Tensor] = []
    for images in batches:
        if len(images) == 1 < len(waiting):
            waiting = [*waiting, *images]
            continue
        if waiting:
            yield waiting
        waiting = images
    if waiting:
        yield waiting
