"""The layers of a detector one by one in onnxruntime."""

from collections.abc import Sequence

from spaces.deployed.form import Array
from trainers.export.graphs.checks import Placed
from trainers.export.onnx.builder import Builder
from trainers.export.onnx.layers import build_layer
from trainers.export.onnx.runtime import Session


def run_layers(placed: Sequence[Placed]) -> list[Array]:
    """See `RunLayers`; all in one model."""
    build, given = Builder(), {f"x{place}": one.x for place, one in enumerate(placed)}
    built = {f"y{i}": build_layer(build, one.layer, f"x{i}", one.level) for i, one in enumerate(placed)}
    shapes = {name: ("float32", x.shape) for name, x in given.items()}
    return list(Session(build.model(shapes, built, "layers").SerializeToString())(given).values())
