"""BatchNorm statistics measured anew: those of a supernet belong to no candidate in particular."""

from collections.abc import Iterable
from itertools import chain

import torch
from torch import Tensor, nn

from spaces.layers.real import Int8


@torch.no_grad()
def recalibrate(network: nn.Module, batches: Iterable[list[Tensor]]) -> None:
    """Reset every BatchNorm's running statistics and set them to the mean over `batches` (lists of images).

    A batch counts by its number of images, so that a short last one weighs no more than it should. Needed before a
    candidate is scored (arXiv:1904.00420, section 3.4). The network computes as it is evaluated, searched signs and
    all; the ranges of 8-bit inputs are measured anew in the same pass. Nothing else changes; the network is left in the
    mode that it was in. Raises ValueError, and changes nothing, when there is no batch.
    """
    batches = iter(batches)
    first = next(batches, None)
    if first is None:
        raise ValueError("Recalibration needs one batch of images or more; it got none.")
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    modes = {module: module.training for module in network.modules()}
    ranges = [module for module in network.modules() if isinstance(module, Int8)]
    network.eval()
    try:
        for norm in norms:
            norm.train()
            norm.reset_running_stats()
        for one in ranges:
            one.observing = True
            one.largest.zero_()
        seen = 0
        for images in chain([first], batches):
            seen += len(images)
            for norm in norms:
                norm.momentum = len(images) / seen  # a running mean over images instead of a fading one
            network(images)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        for one in ranges:
            one.observing = False
        for module, mode in modes.items():
            module.training = mode
