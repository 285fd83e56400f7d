"""What follows from the means of a map, in OpenVINO's operators: moved thresholds and gates."""

import numpy as np

from spaces.deployed.form import Array, DynamicThreshold, Gate
from trainers.export.openvino.runtime import Output, op


def moves(dynamic: DynamicThreshold, x: Output) -> Output:
    """(N, Ci, 1, 1): what an image's content adds to its map."""
    moved = op.multiply(op.tanh(_excited(x, dynamic.squeeze, dynamic.excite)), dynamic.size.reshape(1, -1))
    return op.unsqueeze(moved, [2, 3]).output(0)


def factors(gate: Gate, factor: Array, x: Output) -> Output:
    """(N, Co, 1, 1): what a gated layer's sums are times. factor (Co,): without the gate, see `Convolution.affine`."""
    twice = (2 * factor).astype(np.float32).reshape(1, -1)
    made = op.multiply(op.sigmoid(_excited(x, gate.squeeze, gate.excite)), twice)
    return op.unsqueeze(made, [2, 3]).output(0)


def _excited(x: Output, squeeze: Array, excite: Array) -> Output:
    """excite relu(squeeze g), a row an image; g the map's means."""
    hidden = op.relu(op.matmul(op.reduce_mean(x, [2, 3], False), squeeze, False, True))
    return op.matmul(hidden, excite, False, True).output(0)
