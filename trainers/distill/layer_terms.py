"""LWS-Det's layer-wise losses as distillation terms: each the mean of its loss over the student's 1-bit units.

Called with pairs of the student's traced units and the twin's, see `layer_pair.LayerPair`. Units that aren't 1-bit have
no pair and don't count. With a mean over layers, a weight means the same for any number of 1-bit units.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from trainers.distill.layer_pair import Inputs, LayerPair
from trainers.distill.layerwise import (
    Norms,
    amplitude_loss,
    angular_loss,
    binary_cosines,
    real_cosines,
    weight_reconstruction_loss,
)

Pairs = Mapping[str, LayerPair]


class Angular(nn.Module):
    """The angles of the 1-bit products follow the real ones: trains the binary weights, or their logits, alone.

    See `layerwise.angular_loss`. norms: `patch` or `whole`, see `layerwise.real_cosines`. inputs: the input
    of the real side; the student's and the twin's differ more the more the layers before them do.
    """

    def __init__(self, norms: Norms = "patch", inputs: Inputs = "student") -> None:
        super().__init__()
        self.norms, self.inputs = norms, inputs

    def forward(self, pairs: Pairs) -> Tensor:
        """A scalar, 0 for equal angles."""
        return _mean([_over_runs(pair, self._of) for pair in pairs.values()], pairs)

    def _of(self, pair: LayerPair) -> Tensor:
        trace, shape = pair.trace, pair.trace.shape
        height, width = trace.binary_input.shape[-2:]
        with torch.no_grad():
            real = real_cosines(pair.real_product, pair.real_input, pair.weight, shape, self.norms)
        weight = None if trace.of_signs and trace.centre is None else pair.convolved
        binary = binary_cosines(pair.binary_product, (height, width), shape, trace.pad_value, self.norms, weight)
        return angular_loss(real, binary)


class Amplitude(nn.Module):
    """The scaled 1-bit products are as large as the real ones: trains learned scales alone.

    See `layerwise.amplitude_loss`. It holds the weights fixed, so units whose scale isn't learned (but the mean
    magnitude of their latent weight) are left out. Without any other unit it is 0.
    """

    def __init__(self, inputs: Inputs = "student") -> None:
        super().__init__()
        self.inputs = inputs

    def forward(self, pairs: Pairs) -> Tensor:
        """A scalar, 0 for equal products."""
        learned = [pair for pair in pairs.values() if pair.trace.scale_is_learned]
        losses = [_over_runs(pair, self._of) for pair in learned]
        return _mean(losses, pairs)

    def _of(self, pair: LayerPair) -> Tensor:
        return amplitude_loss(pair.real_product, pair.binary_product, pair.trace.scale)


class WeightReconstruction(nn.Module):
    """alpha w^ is drawn to the twin's weight: trains binary weights (or logits) and scales.

    See `layerwise.weight_reconstruction_loss`. A scale that isn't learned is the mean magnitude of the latent weight,
    which the loss then moves to that of the twin's. It doesn't read inputs.
    """

    inputs: Inputs = "student"

    def forward(self, pairs: Pairs) -> Tensor:
        """A scalar, 0 for equal weights."""
        return _mean([self._of(pair) for pair in pairs.values()], pairs)

    def _of(self, pair: LayerPair) -> Tensor:
        weight = pair.weight if pair.trace.centre is None else pair.weight - pair.trace.centre
        return weight_reconstruction_loss(weight, pair.trace.binary_weight, pair.trace.scale)


def _over_runs(pair: LayerPair, loss: Callable[[LayerPair], Tensor]) -> Tensor:
    """The loss of one layer; if it runs on several levels, the mean over the places of all of them."""
    if not pair.others:
        return loss(pair)
    places = [run.binary_product[0, 0].numel() for run in pair.runs]
    return torch.stack([loss(run) * count for run, count in zip(pair.runs, places, strict=True)]).sum() / sum(places)


def _mean(losses: list[Tensor], pairs: Pairs) -> Tensor:
    if losses:
        return torch.stack(losses).mean()
    return torch.zeros((), device=next((pair.weight.device for pair in pairs.values()), None))
