"""Whether a graph computes what torch does, layer by layer, and whether its 1-bit layers run on bits."""

from collections.abc import Mapping

import numpy as np

from spaces.deployed.form import Array, BinaryInput, Convolution, IntegerInput, Shortcut
from spaces.deployed.tape import LAYER, Step, Tape
from trainers.export.openvino.graph import Graph, needed
from trainers.export.openvino.layers import build_layer, normed
from trainers.export.openvino.runtime import compiled, kernels, model, op

TOLERANCE = 1e-4
"""Of the largest value of a layer's result: what float32 sums in another order differ by."""

LARGE_SHARE = 0.5

FEWEST = 64
"""Values of an output from which it can be told by how much they vary: the coarsest levels have a single cell."""

FLIPS = 4
"""Inputs of one sum whose level or sign rounding may change, where x is divided by a step or compared with a sum."""


class WrongExportError(RuntimeError):
    """A graph that doesn't compute what torch does: nothing may be left of it."""


def check_kernels(ready: object, graph: Graph) -> None:
    """Raise WrongExportError unless the compiled graph runs as many convolutions on bits as were built for it."""
    run = sum(kind == "BinaryConvolution" for kind, _ in kernels(ready))
    if run != graph.bits:
        raise WrongExportError(
            f"{graph.bits} convolutions are 1-bit, and OpenVINO runs {run} on bits. Nothing was written."
        )


def check_outputs(made: Mapping[str, Array], wanted: Mapping[str, Array]) -> float:
    """Compare the raw outputs of a whole graph with torch's; the largest difference, as a share of an output's largest
    value.

    The layers one by one don't show what is fused wrongly. Raises WrongExportError where an output is off on average
    by more than half of what it varies by: signs that rounding flips change less than that.
    """
    shares = [0.0]
    for name, own in wanted.items():
        off, spread = np.abs(made[name] - own), float(np.abs(own - own.mean()).mean())
        if own.size >= FEWEST and not float(off.mean()) <= LARGE_SHARE * spread + TOLERANCE:
            raise WrongExportError(
                f"The output {name} in OpenVINO has little to do with torch's: off by {off.mean():.3g} on average, "
                f"where it varies by {spread:.3g}. Nothing was written."
            )
        shares.append(float(off.max()) / max(1.0, float(np.abs(own).max())))
    return max(shares)


def check_layers(tape: Tape, layers: Mapping[str, Convolution], settings: dict[str, object]) -> float:
    """Run every layer on the input that it had in torch; the largest difference, as a share of a result.

    Raises WrongExportError for a layer that differs by more than rounding explains, see `allowed`.
    """
    steps = [step for step in needed(tape) if step.operator == LAYER]
    given = [tape.tensors[step.inputs[0].number].numpy() for step in steps]
    parameters = [op.parameter(list(x.shape), np.float32) for x in given]
    results = [build_layer(layers[s.layer], p.output(0), s.level) for s, p in zip(steps, parameters, strict=True)]
    made = compiled(model(results, parameters, "layers"), settings)(given)
    shares = [_off(step, layers[step.layer], tape, made[place]) for place, step in enumerate(steps)]
    return max(shares, default=0.0)


def _off(step: Step, layer: Convolution, tape: Tape, made: Array) -> float:
    output = step.outputs[0]
    wanted = tape.tensors[output.number].numpy() if output is not None else made
    off, largest = float(np.abs(made - wanted).max(initial=0)), float(np.abs(wanted).max(initial=0))
    if not off <= TOLERANCE * max(1.0, largest) + allowed(layer, step.level):
        raise WrongExportError(
            f"OpenVINO computes something else than torch for {step.layer} ({layer.method}): off by {off:.3g}, where "
            f"values are up to {largest:.3g}. Nothing was written."
        )
    return off / max(1.0, largest)


def allowed(layer: Convolution, level: int = 0) -> float:
    """What a few inputs on an edge between two levels, which rounding puts on the other one, change in a result."""
    given, factor = layer.input, np.abs(layer.affine(level)[0])
    moves = FLIPS * float((factor * np.abs(layer.weight).max((1, 2, 3))).max())
    around = 0.0 if layer.shortcut is None else _around(layer.shortcut)
    if isinstance(given, IntegerInput):
        return moves + around
    return around + (2 * moves if isinstance(given, BinaryInput) and given.dynamic is not None else 0.0)


def _around(shortcut: Shortcut) -> float:
    return 0.0 if (own := normed(shortcut)) is None else allowed(own)
