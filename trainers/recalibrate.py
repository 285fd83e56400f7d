"""BatchNorm statistics measured anew: those of a supernet belong to no candidate in particular."""

from collections.abc import Iterable
from itertools import chain

import torch
from torch import Tensor, nn


@torch.no_grad()
def recalibrate(network: nn.Module, batches: Iterable[list[Tensor]]) -> None:
    """Reset every BatchNorm's running statistics and set them to the mean over `batches` (lists of images).

    A batch counts by its number of images, so that a short last one weighs no more than it should. Needed before a
    candidate is scored (arXiv:1904.00420, section 3.4). Nothing else changes; the network is left in the mode that it
    was in. Raises ValueError, and changes nothing, when there is no batch.
    """
    batches = iter(batches)
    first = next(batches, None)
    if first is None:
        raise ValueError("Recalibration needs one batch of images or more; it got none.")
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    training = network.training
    network.train()
    try:
        for norm in norms:
            norm.reset_running_stats()
        seen = 0
        for images in chain([first], batches):
            seen += len(images)
            for norm in norms:
                norm.momentum = len(images) / seen  # a running mean over images instead of a fading one
            network(images)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        network.train(training)
