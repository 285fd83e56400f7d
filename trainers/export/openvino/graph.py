"""A network's tape as a graph of OpenVINO, from a picture to the raw outputs of the heads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch.utils._pytree import tree_map_only

from spaces.deployed.form import Convolution
from spaces.deployed.tape import LAYER, Step, Tape, Value, needed
from trainers.export.openvino.fusing import keep_signs_apart
from trainers.export.openvino.layers import build_layer, convolutions, runs_as_bits
from trainers.export.openvino.operators import OPERATORS, operand
from trainers.export.openvino.runtime import Output, model, op


@dataclass(frozen=True)
class Graph:
    """A graph, and how many of its convolutions run on bits, on 8-bit numbers, and on floats.

    binary_as_floats: how many of the latter are 1-bit ones, of several groups.
    """

    model: Any
    bits: int
    bytes: int
    floats: int
    binary_as_floats: int


def build_graph(
    tape: Tape, layers: Mapping[str, Convolution], mean: Sequence[float], std: Sequence[float], names: Sequence[str]
) -> Graph:
    """The graph of a tape. mean, std: by which its batch was normalised. names: of what it returned.

    Input `image`: (1, H, W, 3), uint8, RGB, of the detector's own size.
    """
    _, _, height, width = tape.tensors[0].shape
    image = op.parameter([1, height, width, 3], np.uint8, name="image")
    image.output(0).set_names({"image"})
    outputs: dict[Value, Output] = {Value(0): _normalised(image, mean, std)}
    run: list[Convolution] = []
    for step in needed(tape):
        if step.operator == LAYER:
            layer = layers[step.layer]
            run += layer.with_shortcut
            made: Any = build_layer(layer, outputs[step.inputs[0]], step.level)
        else:
            made = build_step(step, outputs)
        several = made if isinstance(made, tuple) else (made,)
        outputs |= {key: one for key, one in zip(step.outputs, several, strict=True) if key is not None}
    results = [outputs[value] for value in tape.returned]
    for result, name in zip(results, names, strict=True):
        result.set_names({name})
    bits = sum(convolutions(layer) for layer in run if runs_as_bits(layer))
    as_floats = sum(convolutions(layer) for layer in run if layer.kind == "binary") - bits
    floats = sum(layer.kind == "float" for layer in run) + as_floats
    graph = model(results, [image], "detector")
    keep_signs_apart(graph)
    return Graph(graph, bits, sum(map(convolutions, run)) - bits - floats, floats, as_floats)


def _normalised(image: Any, mean: Sequence[float], std: Sequence[float]) -> Output:
    """(1, 3, H, W) in the numbers that the network takes."""
    share = op.multiply(op.convert(op.transpose(image, [0, 3, 1, 2]), "f32"), np.float32(1 / 255))
    by_channel = (np.array(one, np.float32).reshape(1, 3, 1, 1) for one in (mean, std))
    return op.divide(op.subtract(share, next(by_channel)), next(by_channel)).output(0)


def build_step(step: Step, outputs: Mapping[Value, Output]) -> Any:
    """The result of a step that is no layer, or several. outputs: of the steps before it."""
    inputs, named = tree_map_only(Value, outputs.__getitem__, (step.inputs, step.named))
    return OPERATORS[step.operator](*map(operand, inputs), **named)
