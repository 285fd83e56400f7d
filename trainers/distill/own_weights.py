"""The distance between a layer's output with its binary weight and with its real one, of NAS-BNN (arXiv:2408.15484)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from spaces.detectors import searchable_units
from spaces.layers import LayerTrace
from spaces.layers.real import convolve

OWN_WEIGHTS = "own weights"
"""The loss's name."""


def own_weight_loss(network: nn.Module, layers: Mapping[str, LayerTrace]) -> dict[str, Tensor]:
    """The mean over 1-bit units of the mean of (a^ (*) (alpha w^) - a^ (*) w)^2, as `own weights`; a scalar.

    a^ is the unit's binary input, w its own latent weight, w^ and alpha its sign and scale: `layerwise.amplitude_loss`
    with the unit's weight for the twin's, and with a gradient towards w^ too. The side with w is the target and has
    none: where w^ passes gradients straight through, both would cancel. Units that search signs have no real weight and
    are left out; without any other unit there is no loss. layers: the traces of the pass.
    """
    units = searchable_units(network)
    losses = [_of(one) for name, one in layers.items() if not units[name].alternatives[units[name].active].owns_weight]
    return {OWN_WEIGHTS: torch.stack(losses).mean()} if losses else {}


def _of(trace: LayerTrace) -> Tensor:
    """The mean over the places of all runs of one unit."""
    squares = [_difference(run).square() for run in (trace, *trace.others)]
    return torch.stack([each.sum() for each in squares]).sum() / sum(each.numel() for each in squares)


def _difference(trace: LayerTrace) -> Tensor:
    """A convolution is linear in its weight: one with the difference of both."""
    difference = trace.scaled_weight - trace.weight.detach()
    return convolve(trace.binary_input.detach(), difference, trace.shape, trace.pad_value)
