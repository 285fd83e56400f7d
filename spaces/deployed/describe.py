"""From a trained network's modules to what they compute at inference, see `form`."""

from dataclasses import replace
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from spaces.deployed.form import (
    Array,
    Base,
    BinaryInput,
    ChannelNorm,
    Convolution,
    DynamicThreshold,
    FloatInput,
    Gate,
    GroupNorm,
    IntegerInput,
    Kind,
    PReLU,
    Shortcut,
)
from spaces.layers import OpenedLinear, SearchableUnit, method
from spaces.layers.adaptive_binary import AdaptiveBinary
from spaces.layers.alternative import Alternative
from spaces.layers.binary_unit import Binary
from spaces.layers.channel_bias import ChannelBias, DynamicChannelBias, ShiftedPReLU
from spaces.layers.input_norm import InputNorm
from spaces.layers.learned_steps import LearnedSteps
from spaces.layers.levels import LevelNorms
from spaces.layers.maxout import Maxout
from spaces.layers.opened import ActivatedConv2d, ActivatedLinear
from spaces.layers.real import Quantized, Real
from spaces.layers.shortcuts import GroupMean, Repeat

KINDS: dict[int, Kind] = {1: "binary", 2: "int2", 4: "int4", 8: "int8", 32: "float"}

A_STEP = 0.031496062874794006
"""Stands for the step of a network without values, of which only shapes are asked: as long in JSON as most are."""


class UndescribedError(ValueError):
    """A layer whose computation at inference can't be told: an export would be wrong."""


def describe(network: nn.Module) -> dict[str, Convolution]:
    """Every convolution and linear layer of a network as it is activated, by the name of its module, in their order.

    Units come as a whole, with norm, shortcut and post-activation; a shortcut's convolution stands under its own name
    too. Small linear layers inside a unit, of dynamic thresholds and gates, are part of that. Raises UndescribedError.
    """
    found: dict[str, Convolution] = {}
    units = [name for name, module in network.named_modules() if isinstance(module, SearchableUnit)]
    inside = tuple(f"{name}.alternatives." for name in units)
    for name, module in network.named_modules():
        if isinstance(module, SearchableUnit):
            found[name] = describe_unit(name, module)
        elif isinstance(module, nn.Conv2d | nn.Linear) and not name.startswith(inside):
            found[name] = describe_layer(name, module)
    return found


@torch.no_grad()
def describe_unit(name: str, unit: SearchableUnit) -> Convolution:
    """A searchable or opened unit with its active method. Raises UndescribedError."""
    shape, one = unit.shape, cast(Alternative, unit.alternatives[unit.active])
    kind = KINDS[method(unit.active).weight_bits]
    given = None if unit.latent_weight is None else unit.latent_weight.reshape(shape.weight)
    (levels, scale), centre, second = one.levels(given), one.centre(given), one.second(given)
    shortcut = unit.active_shortcut
    return Convolution(
        name,
        unit.active,
        kind,
        _array(levels) if kind == "float" else _array(levels, np.int8),
        _array(scale),
        _input(name, one),
        shape.stride,
        shape.padding,
        shape.dilation,
        shape.groups,
        pad_value=int(one.pad_value) if isinstance(one, Binary) else 0,
        linear=isinstance(unit, OpenedLinear),
        bias=None if unit.bias is None else _array(unit.bias),
        norms=_norms(name, one.bn),
        shortcut=None if shortcut is None else _shortcut(f"{name}.shortcut", shortcut, shape.out_channels),
        post=_post(name, one),
        gate=_gate(one),
        centre=None if centre is None else _array(centre),
        second=None if second is None else Base(_array(second[0], np.int8), _array(second[1])),
    )


def describe_layer(name: str, layer: nn.Conv2d | nn.Linear) -> Convolution:
    """A real convolution or linear layer, with the activation in front of it where it has one."""
    activation = layer.activation if isinstance(layer, ActivatedConv2d | ActivatedLinear) else "none"
    weight = _array(layer.weight)
    real = Convolution(
        name,
        "real",
        "float",
        weight.reshape(*weight.shape[:2], *(weight.shape[2:] or (1, 1))),
        np.ones(len(weight), np.float32),
        FloatInput(activation),
        bias=None if layer.bias is None else _array(layer.bias),
        linear=isinstance(layer, nn.Linear),
    )
    if isinstance(layer, nn.Linear):
        return real
    places = layer.kernel_size, layer.stride, layer.padding, layer.dilation
    if layer.padding_mode != "zeros" or any(isinstance(place, str) or len({*place}) != 1 for place in places):
        raise UndescribedError(f"{name} is {layer}; only square convolutions with zeros outside are known.")
    stride, padding, dilation = (int(place[0]) for place in places[1:])
    return replace(real, stride=stride, padding=padding, dilation=dilation, groups=layer.groups)


def _input(name: str, one: Alternative) -> BinaryInput | IntegerInput | FloatInput:
    if isinstance(one, Real):
        return FloatInput(one.shape.activation)
    if isinstance(one, Binary):
        return _binary_input(name, one)
    if isinstance(one, Quantized):
        return _measured_input(name, one, divides=True)
    if isinstance(one, LearnedSteps):
        return _measured_input(name, one, divides=False)
    raise _unknown(name, one)


def _binary_input(name: str, one: Binary) -> BinaryInput:
    shift = one.shift
    if isinstance(one, AdaptiveBinary):
        return BinaryInput(_array(one.threshold.expand(one.shape.in_channels)))
    if shift is None:
        return BinaryInput(np.zeros(one.shape.in_channels, np.float32))
    if isinstance(shift, InputNorm):
        return BinaryInput(_array(shift.threshold()))
    if isinstance(shift, ChannelBias):
        return BinaryInput(-_array(shift.bias))
    if isinstance(shift, DynamicChannelBias):
        parts = (shift.size, shift.squeeze.weight, shift.excite.weight)
        return BinaryInput(-_array(shift.bias), DynamicThreshold(*map(_array, parts)))
    raise _unknown(name, shift)


def _measured_input(name: str, one: Quantized | LearnedSteps, *, divides: bool) -> IntegerInput:
    step, (low, high) = A_STEP if one.input_step.is_meta else float(one.input_step), one.input_levels
    if step == 0:
        raise UndescribedError(
            f"The range of the inputs of {name} was never measured: train the detector, which measures it."
        )
    return IntegerInput(step, low, high, one.top, divides)


def _norms(name: str, norm: nn.Module) -> tuple[ChannelNorm | GroupNorm, ...]:
    if isinstance(norm, nn.Identity):
        return ()
    if isinstance(norm, LevelNorms):
        return tuple(one for level in norm.norms for one in _norms(name, level))
    if isinstance(norm, nn.GroupNorm):
        return (GroupNorm(norm.num_groups, _array(norm.weight), _array(norm.bias), norm.eps),)
    if isinstance(norm, nn.BatchNorm2d):
        return (_channel_norm(norm),)
    raise _unknown(name, norm)


def _channel_norm(norm: nn.BatchNorm2d) -> ChannelNorm:
    mean, variance = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
    return ChannelNorm(_array(mean), _array(variance), _array(norm.weight), _array(norm.bias), norm.eps)


def _post(name: str, one: Alternative) -> PReLU | None:
    post = one.post if isinstance(one, Binary) else None
    if post is None:
        return None
    if isinstance(post, nn.PReLU):
        slope = _array(post.weight)
        return PReLU(slope, np.zeros_like(slope), np.zeros_like(slope))
    if isinstance(post, Maxout):
        zero = np.zeros(len(post.below), np.float32)
        return PReLU(_array(post.below), zero, zero, _array(post.above))
    if isinstance(post, ShiftedPReLU):
        return PReLU(_array(post.prelu.weight), _array(post.before.bias), _array(post.after.bias))
    raise _unknown(name, post)


def _gate(one: Alternative) -> Gate | None:
    gate = one.gate if isinstance(one, Binary) else None
    return None if gate is None else Gate(_array(gate.squeeze.weight), _array(gate.excite.weight))


def _shortcut(name: str, shortcut: nn.Module, channels: int) -> Shortcut:
    parts = list(shortcut) if isinstance(shortcut, nn.Sequential) else [shortcut]
    first, *rest = parts
    if not isinstance(first, nn.Identity | nn.AvgPool2d):
        raise _unknown(name, first)
    stride = cast(int, first.stride) if isinstance(first, nn.AvgPool2d) else 1
    if not rest or isinstance(rest[0], GroupMean | Repeat):
        return Shortcut(stride, channels)
    convolution, norm = rest
    own = (
        describe_unit(f"{name}.1", convolution)
        if isinstance(convolution, SearchableUnit)
        else describe_layer(f"{name}.1", cast(nn.Conv2d, convolution))
    )
    return Shortcut(stride, channels, own, _channel_norm(cast(nn.BatchNorm2d, norm)))


def _array(tensor: Tensor, dtype: type[np.float32 | np.int8] = np.float32) -> Array:
    """A copy, in the usual order of memory. A tensor without values gives zeros, which take no memory."""
    if tensor.is_meta:
        return np.broadcast_to(dtype(0), tensor.shape)
    return np.ascontiguousarray(tensor.detach().cpu().numpy(), dtype).copy()


def _unknown(name: str, module: nn.Module) -> UndescribedError:
    return UndescribedError(f"{name} has a {type(module).__name__}, which `spaces.deployed.describe` doesn't know.")
