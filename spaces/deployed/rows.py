"""A convolution as a row of plain values and arrays by name: what files hold, and what `reference` computes with."""

import math
from typing import Any

import numpy as np

from spaces.deployed.form import (
    Activation,
    Array,
    BinaryInput,
    Convolution,
    FloatInput,
    GroupNorm,
    IntegerInput,
    Shortcut,
)

Row = dict[str, Any]
RELU6_TOP = 6.0


def row_of(convolution: Convolution) -> Row:
    """Its plain values, which JSON can hold."""
    norm = convolution.norms[0] if convolution.norms else None
    grouped = norm if isinstance(norm, GroupNorm) else None
    return {
        "name": convolution.name,
        "method": convolution.method,
        "kind": convolution.kind,
        "shape": list(convolution.weight.shape),
        "kernel": convolution.weight.shape[-1],
        "stride": convolution.stride,
        "padding": convolution.padding,
        "dilation": convolution.dilation,
        "groups": convolution.groups,
        "pad_value": convolution.pad_value,
        "linear": convolution.linear,
        **_input_row(convolution.input),
        "norm_groups": grouped.groups if grouped else 0,
        "norm_eps": grouped.eps if grouped else 0.0,
        "shortcut": None if convolution.shortcut is None else _shortcut_row(convolution.shortcut),
    }


def arrays_of(convolution: Convolution, level: int = 0) -> dict[str, Array]:
    """Its arrays, with BatchNorm, scale and bias folded to `multiplier` and `offset`. level: see `Convolution.affine`.

    Those of a shortcut's convolution stand behind `shortcut.`, with its norm folded.
    """
    multiplier, offset = convolution.affine(level)
    arrays = {"weight": convolution.weight, "multiplier": _float(multiplier), "offset": _float(offset)}
    if (boxes := convolution.box_factor(level)) is not None:
        arrays["box_multiplier"] = _float(boxes)
    if convolution.second is not None and (factor := convolution.second_factor(level)) is not None:
        arrays |= {"second_weight": convolution.second.weight, "second_multiplier": _float(factor)}
    norm = convolution.norms[level] if convolution.norms else None
    if isinstance(norm, GroupNorm):
        arrays |= {"norm_weight": norm.weight, "norm_bias": norm.bias}
    if isinstance(convolution.input, BinaryInput):
        arrays["threshold"] = convolution.input.threshold
        if (moved := convolution.input.dynamic) is not None:
            arrays |= {"size": moved.size, "squeeze": moved.squeeze, "excite": moved.excite}
    if convolution.gate is not None:
        arrays |= {"gate_squeeze": convolution.gate.squeeze, "gate_excite": convolution.gate.excite}
    if convolution.post is not None:
        post = convolution.post
        arrays |= {"slope": post.slope, "before": post.before, "after": post.after}
        if post.above is not None:
            arrays["above"] = post.above
    if convolution.shortcut is not None:
        arrays |= _shortcut_arrays(convolution.shortcut)
    return arrays


def _input_row(given: BinaryInput | IntegerInput | FloatInput) -> Row:
    if isinstance(given, IntegerInput):
        top = None if math.isinf(given.top) else given.top
        return {"step": given.step, "low": given.low, "high": given.high, "top": top, "divides": given.divides}
    if isinstance(given, FloatInput):
        return {"rectified": given.activation != "none", "top": _top(given.activation)}
    return {}


def _top(activation: Activation) -> float | None:
    return RELU6_TOP if activation == "relu6" else None


def _shortcut_row(shortcut: Shortcut) -> Row:
    own = None if shortcut.convolution is None else row_of(shortcut.convolution)
    return {"stride": shortcut.stride, "channels": shortcut.channels, "layer": own}


def _shortcut_arrays(shortcut: Shortcut) -> dict[str, Array]:
    if shortcut.convolution is None:
        return {}
    arrays = arrays_of(shortcut.convolution)
    if shortcut.norm is not None:
        factor, offset = shortcut.norm.affine()
        multiplier, own = shortcut.convolution.affine()
        arrays["multiplier"], arrays["offset"] = _float(factor * multiplier), _float(factor * own + offset)
        if (boxes := shortcut.convolution.box_factor()) is not None:
            arrays["box_multiplier"] = _float(factor * boxes)
        if (second := shortcut.convolution.second_factor()) is not None:
            arrays["second_multiplier"] = _float(factor * second)
    return {f"shortcut.{name}": array for name, array in arrays.items()}


def _float(array: Array) -> Array:
    return array.astype(np.float32)
