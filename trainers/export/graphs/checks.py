"""Whether a graph computes what torch does, layer by layer and as a whole."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from spaces.deployed.form import Array, BinaryInput, Convolution, IntegerInput
from spaces.deployed.tape import LAYER, Step, Tape, needed
from trainers.export.exporter import WrongExportError

TOLERANCE = 1e-4
"""Of the largest value of a layer's result: what float32 sums in another order differ by."""

LARGE_SHARE = 0.5
"""Of what an output varies by."""

FLIPS = 4
"""Inputs of one sum whose level or sign rounding may change, where x is divided by a step or compared with a sum."""


class Placed(NamedTuple):
    """A layer, the level of the pyramid that it runs on, and the input that it had in torch."""

    layer: Convolution
    level: int
    x: Array


RunLayers = Callable[[Sequence[Placed]], Sequence[Array]]
"""Runs each layer by itself as a target builds it; its results."""


def check_outputs(made: Sequence[Mapping[str, Array]], wanted: Sequence[Mapping[str, Array]], title: str) -> float:
    """Compare the raw outputs of a whole graph with torch's on some pictures.

    Returns the largest difference on the middle one of them, as a share of an output's largest value. title: of what
    runs the graph. The layers one by one don't show what is fused wrongly. One sign that rounding flips moves whole
    maps of a deep 1-bit network: torch in float32 and in float64 differ so on some pictures. Therefore the middle one
    counts. Raises WrongExportError where an output is off by more than half of what it varies by.
    """
    shares = []
    for name in wanted[0]:
        own = np.stack([one[name].ravel() for one in wanted])
        off = np.abs(np.stack([one[name].ravel() for one in made]) - own)
        typical, spread = float(np.median(off.mean(1))), float(np.abs(own - own.mean()).mean())
        if not typical <= LARGE_SHARE * spread + TOLERANCE:
            raise WrongExportError(
                f"The output {name} in {title} has little to do with torch's: off by {typical:.3g} on average, "
                f"where it varies by {spread:.3g}."
            )
        shares.append(off.max(1) / np.maximum(1, np.abs(own).max(1)))
    return float(np.median(np.max(shares, axis=0)))


def check_layers(tape: Tape, layers: Mapping[str, Convolution], run: RunLayers, title: str) -> float:
    """Run every layer on the input that it had in torch; the largest difference, as a share of a result.

    Raises WrongExportError for a layer that differs by more than rounding explains, see `allowed`.
    """
    steps = [step for step in needed(tape) if step.operator == LAYER]
    placed = [Placed(layers[step.layer], step.level, tape.tensors[step.inputs[0].number].numpy()) for step in steps]
    made = run(placed)
    return max((_off(*one, tape, title) for one in zip(steps, placed, made, strict=True)), default=0.0)


def _off(step: Step, placed: Placed, made: Array, tape: Tape, title: str) -> float:
    output = step.outputs[0]
    wanted = tape.tensors[output.number].numpy() if output is not None else made
    off, largest = float(np.abs(made - wanted).max(initial=0)), float(np.abs(wanted).max(initial=0))
    if not off <= TOLERANCE * max(1.0, largest) + allowed(placed.layer, placed.level):
        raise WrongExportError(
            f"{title} computes something else than torch for {step.layer} ({placed.layer.method}): off by {off:.3g}, "
            f"where values are up to {largest:.3g}."
        )
    return off / max(1.0, largest)


def allowed(layer: Convolution, level: int = 0) -> float:
    """What a few inputs on an edge between two levels, which rounding puts on the other one, change in a result."""
    given, factor = layer.input, np.abs(layer.affine(level)[0])
    moves = FLIPS * float((factor * np.abs(layer.weight).max((1, 2, 3))).max())
    own = None if layer.shortcut is None else layer.shortcut.normed
    around = 0.0 if own is None else allowed(own)
    if isinstance(given, IntegerInput):
        return moves + around
    return around + (2 * moves if isinstance(given, BinaryInput) and given.dynamic is not None else 0.0)
