"""Weights of few bits: packed in bytes, and unpacked by operators, which a runtime may compute once when it loads."""

import numpy as np

from spaces.deployed.bits import packed
from spaces.deployed.form import Array, Convolution
from trainers.export.onnx.builder import BOOL, FLOAT, Builder, Output

BYTE = 8


def levels(build: Builder, layer: Convolution) -> Output:
    """(Co, Ci / groups, k, k) float32: the -1 and +1, or the levels, of a layer of 1, 2 or 4 bits."""
    bits = layer.bits
    if bits == 1:
        return build.op("Where", _unpacked(build, layer.weight, 1, BOOL), build.constant(1), build.constant(-1))
    lowest = -(2 ** (bits - 1))
    values = _unpacked(build, layer.weight.astype(np.int16) - lowest, bits, FLOAT)
    return build.op("Add", values, build.constant(lowest))


def scaled_bytes(build: Builder, layer: Convolution) -> Output:
    """(Co, Ci / groups, k, k) float32 of a layer of 8 bits, times the scale of each output channel."""
    zeros = build.constant(np.zeros(layer.out_channels), np.int8)
    return build.op(
        "DequantizeLinear", build.constant(layer.weight, np.int8), build.constant(layer.scale), zeros, axis=0
    )


def _unpacked(build: Builder, values: Array, bits: int, kind: int) -> Output:
    """Whole numbers from 0 on, `bits` bits each, the first in the lowest bits of the first byte."""
    count = values.size
    data = packed(values, bits)
    bytes_ = build.constant(data[:, None], np.uint8)
    places = build.constant(np.arange(0, BYTE, bits), np.uint8)
    shifted = build.op("BitShift", bytes_, places, direction="RIGHT")
    flat = build.op(
        "Reshape", build.op("BitwiseAnd", shifted, build.constant(2**bits - 1, np.uint8)), build.integers(-1)
    )
    if count * bits % BYTE:
        flat = build.op("Slice", flat, build.integers(0), build.integers(count))
    return build.op("Cast", build.op("Reshape", flat, build.integers(*values.shape)), to=kind)
