"""Sums of 1-bit products in OpenVINO's operators. Each rule was found by trial: others give wrong numbers silently."""

import numpy as np

from spaces.deployed.form import Array, BinaryInput, Convolution
from trainers.export.openvino.means import moves
from trainers.export.openvino.runtime import Output, binary_convolution, bits, op

MULTIPLE = 8
"""Of input channels that the kernel takes. It reads whole bytes of them: with others it gives wrong sums."""

LARGEST_PADDING = 1
"""With which the kernel works on every processor: with AVX2 alone it refuses the 3 of a kernel of 7 x 7."""

LEAST_NORMAL = np.finfo(np.float32).tiny


def binary_sums(layer: Convolution, x: Output) -> Output:
    """p of a binary layer without groups, by `BinaryConvolution`. x (1, Ci, H, W), see `form`.

    Channels up to a multiple of 8 are added, with values that are always +1 and weights +1 and -1 by turns, so that
    they cancel; if there is one too many, its sum, which is known, is taken off.
    """
    x, threshold = _moved(layer, x)
    given = x
    extra = -layer.in_channels % MULTIPLE
    turns = np.where(np.arange(extra) % 2, -1, 1).astype(np.int8).reshape(1, -1, 1, 1)
    added = np.broadcast_to(turns, (layer.out_channels, extra, *layer.weight.shape[2:]))
    if extra:
        x = op.pad(x, [0, 0, 0, 0], [0, extra, 0, 0], "constant", np.float32(0)).output(0)
        threshold = np.concatenate([threshold, np.zeros(extra, np.float32)])
    weight = np.concatenate([layer.weight, added], axis=1)
    wide = layer.padding > LARGEST_PADDING
    border = _border(layer, weight, given) if wide else None
    if wide:  # with what becomes -1: the kernel reads bits off a threshold alone, so that its map comes padded
        around = [0, 0, layer.padding, layer.padding]
        x = op.pad(x, around, around, "constant", np.finfo(np.float32).min).output(0)
    pad = [0 if wide else layer.padding] * 2
    p = binary_convolution(
        _ones_and_zeros(x, threshold),
        bits(weight),
        [layer.stride] * 2,
        pad,
        pad,
        [layer.dilation] * 2,
        "xnor-popcount",
        float(layer.pad_value),
    ).output(0)
    p = p if border is None else op.subtract(p, border).output(0)
    return op.subtract(p, _sums_of_ones(layer, given)).output(0) if extra % 2 else p


def signed_sums(layer: Convolution, x: Output) -> Output:
    """p of a binary layer of several groups, in floats: the kernel for bits knows no groups."""
    x, threshold = _moved(layer, x)
    above = op.greater_equal(x, threshold.reshape(1, -1, 1, 1))
    signs = op.select(above, np.float32(1), np.float32(-1))
    pad = [0, 0, layer.padding, layer.padding]
    padded = op.pad(signs, pad, pad, "constant", np.float32(layer.pad_value)) if layer.padding else signs
    weight = layer.weight.reshape(layer.groups, -1, *layer.weight.shape[1:])
    filters = op.convert(op.constant(weight), "f32")
    none = [0, 0]
    return op.group_convolution(padded, filters, [layer.stride] * 2, none, none, [layer.dilation] * 2).output(0)


def below(threshold: Array) -> Array:
    """The largest float32 under each threshold: `x > below(t)` is `x >= t`.

    Numbers nearer to zero than the least normal one are taken for zero by the kernels, so that none is used.
    """
    under = np.nextafter(threshold.astype(np.float32), np.float32(-np.inf))
    tiny = np.where(threshold <= 0, -LEAST_NORMAL, 0)
    return np.where(np.abs(under) < LEAST_NORMAL, tiny, under).astype(np.float32)


def _moved(layer: Convolution, x: Output) -> tuple[Output, Array]:
    """The map and the thresholds (Ci,) that it is held against: dynamic ones are moved into the map."""
    given = layer.input
    if not isinstance(given, BinaryInput):
        raise TypeError(f"{layer.name} is {layer.kind} and has the input {given}.")
    if given.dynamic is None:
        return x, given.threshold
    moved = op.subtract(moves(given.dynamic, x), given.threshold.reshape(1, -1, 1, 1))
    return op.add(x, moved).output(0), np.zeros_like(given.threshold)


def _ones_and_zeros(x: Output, threshold: Array) -> Output:
    """1 where x >= threshold, else 0: the kernel reads bits only off these two outputs, and takes 0 for -1."""
    edge = op.constant(below(threshold).reshape(1, -1, 1, 1))
    return op.fake_quantize(x, edge, edge, np.float32(0), np.float32(1), 2).output(0)


def _sums_of_ones(layer: Convolution, x: Output) -> Array:
    """(1, 1, Ho, Wo): p of one channel of ones, with what the layer has outside, and weights of one."""
    rows, columns = (_inside(layer, int(size)) for size in list(x.get_shape())[2:])
    inside = np.outer(rows, columns)
    outside = layer.weight.shape[-1] ** 2 - inside
    return (inside + layer.pad_value * outside).astype(np.float32)[None, None]


def _border(layer: Convolution, weight: Array, x: Output) -> Array:
    """(1, Co, Ho, Wo): what -1 all around adds to p beyond what the layer's own padding adds. weight (Co, Ci, k, k)."""
    rows, columns = (_lies_inside(layer, int(size)) for size in list(x.get_shape())[2:])
    outside = ~(rows[:, None, :, None] & columns[None, :, None, :])
    taps = weight.sum(1, dtype=np.float32) * np.float32(-1 - layer.pad_value)
    return np.einsum("yxij,oij->oyx", outside.astype(np.float32), taps)[None]


def _lies_inside(layer: Convolution, size: int) -> Array:
    """(rows of the result, rows of the kernel): whether it lies inside a map of `size` rows."""
    reach = layer.dilation * (layer.weight.shape[-1] - 1) + 1
    starts = np.arange(-layer.padding, size + layer.padding - reach + 1, layer.stride)
    places = starts[:, None] + np.arange(0, reach, layer.dilation)
    return (places >= 0) & (places < size)


def _inside(layer: Convolution, size: int) -> Array:
    """How many of a kernel's rows lie inside a map of `size` rows, for each row of the result."""
    return _lies_inside(layer, size).sum(1)
