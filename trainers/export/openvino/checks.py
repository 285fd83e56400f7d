"""What is checked of a graph in OpenVINO: its layers one by one, and that its 1-bit layers run on bits."""

from collections.abc import Sequence

import numpy as np

from spaces.deployed.form import Array
from trainers.export.exporter import WrongExportError
from trainers.export.graphs.checks import Placed
from trainers.export.openvino.graph import Graph
from trainers.export.openvino.layers import build_layer
from trainers.export.openvino.machine import settings
from trainers.export.openvino.runtime import compiled, kernels, model, op


def check_kernels(ready: object, graph: Graph) -> None:
    """Raise WrongExportError unless the compiled graph runs as many convolutions on bits as were built for it."""
    run = sum(kind == "BinaryConvolution" for kind, _ in kernels(ready))
    if run != graph.bits:
        raise WrongExportError(f"{graph.bits} convolutions are 1-bit, and OpenVINO runs {run} on bits.")


def run_layers(placed: Sequence[Placed]) -> list[Array]:
    """See `RunLayers`; all in one graph."""
    parameters = [op.parameter(list(one.x.shape), np.float32) for one in placed]
    built = [build_layer(one.layer, x.output(0), one.level) for one, x in zip(placed, parameters, strict=True)]
    made = compiled(model(built, parameters, "layers"), settings())([one.x for one in placed])
    return [made[place] for place in range(len(placed))]
