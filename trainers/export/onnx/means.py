"""What follows from the means of a map, in ONNX's operators: moved thresholds and gates."""

from spaces.deployed.form import Array, DynamicThreshold, Gate
from trainers.export.onnx.builder import Builder, Output


def moves(build: Builder, dynamic: DynamicThreshold, x: Output) -> Output:
    """(N, Ci, 1, 1): what an image's content takes off its thresholds."""
    moved = build.op("Tanh", _excited(build, x, dynamic.squeeze, dynamic.excite))
    return _as_maps(build, build.op("Mul", moved, build.constant(dynamic.size)))


def factors(build: Builder, gate: Gate, factor: Array, x: Output) -> Output:
    """(N, Co, 1, 1): what a gated layer's sums are times. factor (Co,): without the gate, see `Convolution.affine`."""
    half = build.op("Sigmoid", _excited(build, x, gate.squeeze, gate.excite))
    return _as_maps(build, build.op("Mul", half, build.constant(2 * factor)))


def _excited(build: Builder, x: Output, squeeze: Array, excite: Array) -> Output:
    """excite relu(squeeze g), a row an image; g the map's means."""
    means = build.op("ReduceMean", x, build.integers(2, 3), keepdims=0)
    hidden = build.op("Relu", build.op("MatMul", means, build.constant(squeeze.T)))
    return build.op("MatMul", hidden, build.constant(excite.T))


def _as_maps(build: Builder, rows: Output) -> Output:
    return build.op("Unsqueeze", rows, build.integers(2, 3))
