"""A network's tape as an ONNX model, from a picture to the raw outputs of the heads."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch.utils._pytree import tree_map_only

from spaces.deployed.form import Convolution
from spaces.deployed.tape import LAYER, Step, Tape, Value, needed
from trainers.export.onnx.builder import FLOAT, Builder, Output
from trainers.export.onnx.layers import build_layer
from trainers.export.onnx.operators import OPERATORS, operand

IMAGE = "image"


@dataclass(frozen=True)
class Graph:
    """A model as bytes, and how many of its convolutions have weights of which kind, see `form.Kind`."""

    content: bytes
    convolutions: dict[str, int]


def build_graph(
    tape: Tape, layers: Mapping[str, Convolution], mean: Sequence[float], std: Sequence[float], names: Sequence[str]
) -> Graph:
    """The model of a tape. mean, std: by which its batch was normalised. names: of what it returned.

    Input `image`: (1, H, W, 3), uint8, RGB, of the detector's own size.
    """
    _, _, height, width = tape.tensors[0].shape
    build = Builder()
    outputs: dict[Value, Output] = {Value(0): _normalised(build, mean, std)}
    run: list[Convolution] = []
    for step in needed(tape):
        if step.operator == LAYER:
            run += layers[step.layer].with_shortcut
            made: Any = build_layer(build, layers[step.layer], outputs[step.inputs[0]], step.level)
        else:
            made = _built(build, step, outputs)
        several = made if isinstance(made, tuple) else (made,)
        outputs |= {key: one for key, one in zip(step.outputs, several, strict=True) if key is not None}
    results = {name: outputs[value] for name, value in zip(names, tape.returned, strict=True)}
    model = build.model({IMAGE: ("uint8", (1, height, width, 3))}, results, "detector")
    return Graph(model.SerializeToString(deterministic=True), dict(Counter(layer.kind for layer in run)))


def _normalised(build: Builder, mean: Sequence[float], std: Sequence[float]) -> Output:
    """(1, 3, H, W) in the numbers that the network takes."""
    image = build.op("Transpose", build.op("Cast", IMAGE, to=FLOAT), perm=[0, 3, 1, 2])
    share = build.op("Mul", image, build.constant(1 / 255))
    centred = build.op("Sub", share, build.by_channel(np.array(mean)))
    return build.op("Div", centred, build.by_channel(np.array(std)))


def _built(build: Builder, step: Step, outputs: Mapping[Value, Output]) -> Any:
    inputs, named = tree_map_only(Value, outputs.__getitem__, (step.inputs, step.named))
    return OPERATORS[step.operator](build, *(operand(build, one) for one in inputs), **named)
