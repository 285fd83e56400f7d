"""One layer as `spaces.deployed.form` describes it, in ONNX's operators."""

import numpy as np

from spaces.deployed.form import (
    Array,
    BinaryInput,
    Convolution,
    FloatInput,
    GroupNorm,
    IntegerInput,
    PReLU,
    Shortcut,
)
from trainers.export.onnx.builder import Builder, Output
from trainers.export.onnx.means import factors, moves
from trainers.export.onnx.weights import levels, scaled_bytes

RELU6_TOP = 6.0
LOWEST_BYTE, HIGHEST_BYTE = -128, 255


def build_layer(build: Builder, layer: Convolution, x: Output, level: int = 0) -> Output:
    """The layer's result, shortcut and post-activation included. x (1, Ci, H, W), or rows (R, Ci) if it is linear.

    level: of the pyramid, where the layer has a norm for each.
    """
    maps = build.op("Reshape", x, build.integers(-1, layer.in_channels, 1, 1)) if layer.linear else x
    y = _float_layer(build, layer, maps, level) if layer.kind == "float" else _scaled(build, layer, maps, level)
    if layer.shortcut is not None:
        y = build.op("Add", y, _shortcut(build, layer.shortcut, x, layer.in_channels))
    if layer.post is not None:
        y = build.op("Add", _activation(build, layer.post, y), build.by_channel(layer.post.after))
    return build.op("Reshape", y, build.integers(-1, layer.out_channels)) if layer.linear else y


def sums(build: Builder, layer: Convolution, x: Output) -> Output:
    """p of a layer of 1, 2 or 4 bits: whole numbers, in float32. Of 8 bits: times steps of input and weight."""
    given = layer.input
    if isinstance(given, BinaryInput):
        return _convolution(build, layer, _signs(build, given, x), levels(build, layer))
    if not isinstance(given, IntegerInput):
        raise TypeError(f"{layer.name} is {layer.kind} and has the input {given}.")
    if given.divides:
        return _convolution(build, layer, _bytes(build, given, x), scaled_bytes(build, layer))
    return _convolution(build, layer, _rounded(build, given, x), levels(build, layer))


def _float_layer(build: Builder, layer: Convolution, x: Output, level: int) -> Output:
    factor, offset = layer.affine(level)
    weight = build.constant(layer.weight * factor[:, None, None, None])
    activated = _activated(build, layer, x)
    if isinstance(_norm(layer, level), GroupNorm):
        return _shifted(build, _convolution(build, layer, activated, weight), layer, level)
    return _convolution(build, layer, activated, weight, build.constant(_before_post(layer, offset)))


def _scaled(build: Builder, layer: Convolution, x: Output, level: int) -> Output:
    factor = layer.affine(level)[0]
    if isinstance(layer.input, IntegerInput) and layer.input.divides:  # the scale and the step are in the sums
        factor = factor / (layer.scale.astype(np.float64) * layer.input.step)
    y = sums(build, layer, x)
    if layer.second_sums is not None and (second := layer.second_factor(level)) is not None:
        own = build.op("Mul", sums(build, layer.second_sums, x), build.by_channel(second))
        y, factor = build.op("Add", build.op("Mul", y, build.by_channel(factor)), own), np.ones(len(factor))
    if layer.gate is not None:
        y = build.op("Mul", y, factors(build, layer.gate, factor, x))
    elif not (factor == 1).all():
        y = build.op("Mul", y, build.by_channel(factor))
    if (boxes := layer.box_factor(level)) is not None:
        y = build.op("Add", y, build.op("Mul", _boxes(build, layer, x), build.by_channel(boxes)))
    return _shifted(build, y, layer, level)


def _boxes(build: Builder, layer: Convolution, x: Output) -> Output:
    """r, a channel that fits all of them, or one for each."""
    made = sums(build, layer.boxes, x)
    if layer.groups == 1:
        return made
    groups = np.arange(layer.groups).repeat(layer.out_channels // layer.groups)
    return build.op("Gather", made, build.integers(*groups), axis=1)


def _activation(build: Builder, post: PReLU, y: Output) -> Output:
    slope, above = post.factored
    y = build.op("PRelu", y, build.constant(slope.reshape(-1, 1, 1)))
    return y if above is None else build.op("Mul", y, build.by_channel(above))


def _shifted(build: Builder, y: Output, layer: Convolution, level: int) -> Output:
    """The norm that can't be folded, and o, with what is added in front of the post-activation in the same go."""
    norm, offset = _norm(layer, level), layer.affine(level)[1]
    if isinstance(norm, GroupNorm):
        y = _group_norm(build, norm, y)
        offset = offset + norm.bias
    offset = _before_post(layer, offset)
    return build.op("Add", y, build.by_channel(offset)) if offset.any() else y


def _norm(layer: Convolution, level: int) -> object:
    return layer.norms[level] if layer.norms else None


def _before_post(layer: Convolution, offset: Array) -> Array:
    return offset if layer.post is None else offset + layer.post.before


def _group_norm(build: Builder, norm: GroupNorm, y: Output) -> Output:
    """Without its bias. ONNX's own operator has a weight for each group in some versions, for each channel in others"""
    split = build.op("Reshape", y, build.integers(0, norm.groups, -1))
    one, zero = build.constant(np.ones(norm.groups)), build.constant(np.zeros(norm.groups))
    normed = build.op("InstanceNormalization", split, one, zero, epsilon=float(norm.eps))
    return build.op("Mul", build.op("Reshape", normed, build.op("Shape", y)), build.by_channel(norm.weight))


def _signs(build: Builder, given: BinaryInput, x: Output) -> Output:
    """+1 where x >= threshold, else -1. `Sign` is 0 at 0."""
    edge = build.by_channel(given.threshold)
    if given.dynamic is not None:
        edge = build.op("Sub", edge, moves(build, given.dynamic, x))
    return build.op("Where", build.op("GreaterOrEqual", x, edge), build.constant(1), build.constant(-1))


def _bytes(build: Builder, given: IntegerInput, x: Output) -> Output:
    """Levels of 8 bits times the step, which x is divided by."""
    signed = given.low < 0
    lowest, highest = (LOWEST_BYTE, -LOWEST_BYTE - 1) if signed else (0, HIGHEST_BYTE)
    if given.low > lowest or min(given.top / given.step, given.high) < highest:
        x = _clipped(build, x, given.low * given.step, min(given.top, given.high * given.step))
    step, zero = build.constant(given.step), build.constant(0, np.int8 if signed else np.uint8)
    return build.op("DequantizeLinear", build.op("QuantizeLinear", x, step, zero), step, zero)


def _rounded(build: Builder, given: IntegerInput, x: Output) -> Output:
    """Whole levels of few bits; x is multiplied with 1 over the step."""
    if given.top < np.inf:
        x = build.op("Min", x, build.constant(given.top))
    share = build.op("Mul", x, build.constant(np.float32(1) / np.float32(given.step)))
    return _clipped(build, build.op("Round", share), given.low, given.high)


def _clipped(build: Builder, x: Output, low: float, high: float) -> Output:
    return build.op("Clip", x, build.constant(low), build.constant(high))


def _activated(build: Builder, layer: Convolution, x: Output) -> Output:
    activation = layer.input.activation if isinstance(layer.input, FloatInput) else "none"
    if activation == "none":
        return x
    return build.op("Relu", x) if activation == "relu" else _clipped(build, x, 0, RELU6_TOP)


def _convolution(build: Builder, layer: Convolution, x: Output, weight: Output, bias: Output = "") -> Output:
    pad = layer.padding
    if pad and layer.pad_value:
        x = build.op(
            "Pad", x, build.integers(pad, pad, pad, pad), build.constant(layer.pad_value), build.integers(2, 3)
        )
        pad = 0
    return build.op(
        "Conv",
        *((x, weight, bias) if bias else (x, weight)),
        name=layer.name,
        kernel_shape=list(layer.weight.shape[2:]),
        strides=[layer.stride] * 2,
        pads=[pad] * 4,
        dilations=[layer.dilation] * 2,
        group=layer.groups,
    )


def _shortcut(build: Builder, shortcut: Shortcut, x: Output, channels: int) -> Output:
    if shortcut.stride > 1:
        both = [shortcut.stride] * 2
        x = build.op("AveragePool", x, kernel_shape=both, strides=both, ceil_mode=1)
    if (own := shortcut.normed) is not None:
        return build_layer(build, own, x)
    if channels > shortcut.channels:
        count = channels // shortcut.channels
        return build.op("Mean", *build.several("Split", count, x, axis=1, num_outputs=count))
    times = shortcut.channels // channels
    return build.op("Concat", *[x] * times, axis=1) if times > 1 else x
