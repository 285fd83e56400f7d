"""One layer as `spaces.deployed.form` describes it, in OpenVINO's operators."""

import numpy as np

from spaces.deployed.form import Array, Convolution, FloatInput, GroupNorm, IntegerInput, PReLU, Shortcut
from trainers.export.openvino.binary import binary_sums, signed_sums
from trainers.export.openvino.means import factors
from trainers.export.openvino.runtime import Output, op

RELU6_TOP = 6.0
BYTE = 256
"""Levels of 8 bits: the only number of them for which OpenVINO has integer kernels on every x86 machine."""


def runs_as_bits(layer: Convolution) -> bool:
    """Whether it becomes a `BinaryConvolution`, which knows no groups of channels."""
    return layer.kind == "binary" and layer.groups == 1


def convolutions(layer: Convolution) -> int:
    """How many it becomes: one more for a second weight, and for sums of signs."""
    return 1 + (layer.second is not None) + (layer.centre is not None)


def build_layer(layer: Convolution, x: Output, level: int = 0) -> Output:
    """The layer's result, shortcut and post-activation included. x (1, Ci, H, W), or rows (R, Ci) if it is linear.

    level: of the pyramid, where the layer has a norm for each.
    """
    maps = op.reshape(x, [-1, layer.in_channels, 1, 1], False).output(0) if layer.linear else x
    y = _shifted(_scaled_sums(layer, maps, level), layer, level)
    if layer.shortcut is not None:
        y = op.add(y, _shortcut(layer.shortcut, x)).output(0)
    if layer.post is not None:
        y = op.add(_activation(layer.post, y), _by_channel(layer.post.after)).output(0)
    return op.reshape(y, [-1, layer.out_channels], False).output(0) if layer.linear else y


def _scaled_sums(layer: Convolution, x: Output, level: int) -> Output:
    """m p, see `Convolution.affine`, with the gate in m."""
    factor = layer.affine(level)[0]
    if layer.kind == "binary":
        if layer.second_sums is not None and (second := layer.second_factor(level)) is not None:
            own = op.multiply(_sums(layer.second_sums, x), _by_channel(second))
            y = op.add(op.multiply(_sums(layer, x), _by_channel(factor)), own).output(0)
            y = y if layer.gate is None else op.multiply(y, factors(layer.gate, np.ones(len(factor)), x)).output(0)
        else:
            times = _by_channel(factor) if layer.gate is None else factors(layer.gate, factor, x)
            y = op.multiply(_sums(layer, x), times).output(0)
        boxes = layer.box_factor(level)
        return y if boxes is None else op.add(y, op.multiply(_boxes(layer, x), _by_channel(boxes))).output(0)
    if isinstance(layer.input, IntegerInput):
        weight = op.convert(op.constant(_grouped(layer.weight, layer.groups)), "f32")
        scale = _grouped(factor[:, None, None, None] / layer.input.step, layer.groups)
        return _convolution(layer, _levels(layer.input, x), op.multiply(weight, scale.astype(np.float32)))
    weight = (layer.weight * factor[:, None, None, None]).astype(np.float32)
    return _convolution(layer, _activated(layer, x), op.constant(_grouped(weight, layer.groups)))


def _sums(layer: Convolution, x: Output) -> Output:
    return binary_sums(layer, x) if runs_as_bits(layer) else signed_sums(layer, x)


def _boxes(layer: Convolution, x: Output) -> Output:
    """r, a channel that fits all of them, or one for each."""
    made = _sums(layer.boxes, x)
    if layer.groups == 1:
        return made
    groups = np.arange(layer.groups).repeat(layer.out_channels // layer.groups)
    return op.gather(made, groups, np.int64(1)).output(0)


def _activation(post: PReLU, y: Output) -> Output:
    slope, above = post.factored
    y = op.prelu(y, slope).output(0)
    return y if above is None else op.multiply(y, _by_channel(above)).output(0)


def _shifted(y: Output, layer: Convolution, level: int) -> Output:
    """The norm that can't be folded, and o, with what is added in front of the post-activation in the same go."""
    norm = layer.norms[level] if layer.norms else None
    if isinstance(norm, GroupNorm):
        y = op.group_normalization(y, norm.weight, norm.bias, norm.groups, norm.eps).output(0)
    offset = layer.affine(level)[1]
    if layer.post is not None:
        offset = offset + layer.post.before
    return op.add(y, _by_channel(offset)).output(0) if offset.any() else y


def _levels(given: IntegerInput, x: Output) -> Output:
    """Whole numbers times the step. Fewer bits are levels of 8 bits of which the outer ones aren't reached."""
    low = 0 if given.low >= 0 else -BYTE // 2
    lowest, highest = np.float32(low * given.step), np.float32((low + BYTE - 1) * given.step)
    if given.low > low or min(given.top / given.step, given.high) < low + BYTE - 1:
        x = op.clamp(x, given.low * given.step, min(given.top, given.high * given.step)).output(0)
    return op.fake_quantize(x, lowest, highest, lowest, highest, BYTE).output(0)


def _activated(layer: Convolution, x: Output) -> Output:
    activation = layer.input.activation if isinstance(layer.input, FloatInput) else "none"
    if activation == "none":
        return x
    return (op.relu(x) if activation == "relu" else op.clamp(x, 0.0, RELU6_TOP)).output(0)


def _convolution(layer: Convolution, x: Output, weight: Output) -> Output:
    build = op.convolution if layer.groups == 1 else op.group_convolution
    pad = [layer.padding] * 2
    return build(x, weight, [layer.stride] * 2, pad, pad, [layer.dilation] * 2).output(0)


def _grouped(weight: Array, groups: int) -> Array:
    """(G, Co / G, Ci / G, k, k), as grouped convolutions take it; as it is for a single group."""
    return weight if groups == 1 else weight.reshape(groups, -1, *weight.shape[1:])


def _shortcut(shortcut: Shortcut, x: Output) -> Output:
    x = pooled(x, shortcut.stride)
    if (own := shortcut.normed) is not None:
        return build_layer(own, x)
    _, channels, height, width = (int(size) for size in x.get_shape())
    if channels > shortcut.channels:
        split = op.reshape(x, [1, -1, shortcut.channels, height, width], False)
        return op.reduce_mean(split, [1], False).output(0)
    times = shortcut.channels // channels
    return op.concat([x] * times, 1).output(0) if times > 1 else x


def pooled(x: Output, stride: int) -> Output:
    """The means of a map's squares, as shortcuts take them."""
    both, none = [stride] * 2, [0, 0]
    return op.avg_pool(x, both, none, none, both, True, "ceil").output(0) if stride > 1 else x


def _by_channel(values: Array) -> Array:
    return values.astype(np.float32).reshape(1, -1, 1, 1)
