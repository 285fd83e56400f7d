"""A convolution as it computes at inference, in numpy arrays: what every exporter reads. Nothing here needs torch.

    q = input(x)                          -1/+1, levels of a few bits, or x behind its activation
    p = q * weight, `pad_value` outside   integers, but where the kind is `float`
    s = q * second weight, likewise       only where there is a `second`
    r = q * ones, likewise                only where there is a `centre`
    y = norm(gate(x) (scale p + second scale s) + centre r) + bias
                                          gate: a factor a channel and image, where there is one
    y = post(y + shortcut(x))

Arrays are float32, and int8 where they hold levels. C, Ci and Co are channels: any, of the input, of the output.
"""

import math
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

LEAST_ABOVE = 1e-6
"""Of a slope above zero, by which the one below is divided."""

Array = NDArray[Any]
Kind = Literal["binary", "int8", "int4", "int2", "float"]
Activation = Literal["relu", "relu6", "none"]

BITS: dict[Kind, int] = {"binary": 1, "int8": 8, "int4": 4, "int2": 2, "float": 32}
"""Bits of a weight."""


@dataclass(frozen=True)
class DynamicThreshold:
    """What an image's content takes off its thresholds: size * tanh(excite relu(squeeze g)), g (Ci,) the map's means.

    size (Ci,), squeeze (h, Ci), excite (Ci, h).
    """

    size: Array
    squeeze: Array
    excite: Array


@dataclass(frozen=True)
class Gate:
    """What an image's content makes of its products: times 2 sigmoid(excite relu(squeeze g)), g (Ci,) the map's means.

    squeeze (h, Ci), excite (Co, h).
    """

    squeeze: Array
    excite: Array


@dataclass(frozen=True)
class BinaryInput:
    """+1 where x >= threshold (Ci,), else -1."""

    threshold: Array
    dynamic: DynamicThreshold | None = None


@dataclass(frozen=True)
class IntegerInput:
    """round(min(x, top) / step), half to even, clipped to low..high.

    divides: whether x is divided by the step; else it is multiplied with the float32 1 / step. The two differ where x
    lies next to the middle of two levels.
    """

    step: float
    low: int
    high: int
    top: float = math.inf
    divides: bool = True


@dataclass(frozen=True)
class FloatInput:
    """x behind its activation."""

    activation: Activation = "none"


@dataclass(frozen=True)
class ChannelNorm:
    """A BatchNorm in evaluation: weight (x - mean) / sqrt(variance + eps) + bias, each (C,)."""

    mean: Array
    variance: Array
    weight: Array
    bias: Array
    eps: float

    def affine(self) -> tuple[Array, Array]:
        """m and o of y = m x + o, each (C,) in float64."""
        factor = self.weight.astype(np.float64) / np.sqrt(self.variance.astype(np.float64) + self.eps)
        return factor, self.bias - self.mean * factor


@dataclass(frozen=True)
class GroupNorm:
    """Mean and variance are those of an image's groups of channels, so that it can't be folded. weight, bias (C,)."""

    groups: int
    weight: Array
    bias: Array
    eps: float


@dataclass(frozen=True)
class PReLU:
    """prelu(x + before) + after, each (C,): the shifts are 0 but in ReActNet's.

    above: the slope above zero, if it isn't 1.
    """

    slope: Array
    before: Array
    after: Array
    above: Array | None = None

    @property
    def factored(self) -> tuple[Array, Array | None]:
        """slope and above, each (C,), of above prelu(x): the same in two operators; None for an `above` of 1."""
        if self.above is None:
            return self.slope, None
        above = np.where(np.abs(self.above) < LEAST_ABOVE, LEAST_ABOVE, self.above).astype(np.float64)
        return (self.slope / above).astype(np.float32), above.astype(np.float32)


@dataclass(frozen=True)
class Shortcut:
    """The mean over stride x stride pixels (fewer at the right and lower end of odd maps), then other channels.

    Those are made by a real or opened convolution and its norm, where there is one. Else there are `channels`: as they
    are, one after the other again and again, or output j the mean of j, j + Co, j + 2 Co, ...
    """

    stride: int
    channels: int
    convolution: "Convolution | None" = None
    norm: ChannelNorm | None = None

    @property
    def normed(self) -> "Convolution | None":
        """Its convolution with the norm that stands behind it; None where it has none."""
        if self.convolution is None or self.norm is None:
            return self.convolution
        return replace(self.convolution, norms=(self.norm,))


@dataclass(frozen=True)
class Base:
    """A second binary weight (Co, Ci / groups, k, k), -1 and +1, and the scale (Co,) of its products."""

    weight: Array
    scale: Array


@dataclass(frozen=True)
class Convolution:
    """One convolution or linear layer with what stands round it; see the module.

    weight (Co, Ci / groups, k, k): -1 and +1, levels, or floats. scale (Co,) of the weights' levels; an integer input's
    step comes on top. centre (Co,): what is added to each scaled level of a binary weight. pad_value: what stands
    outside q's map, -1 or 0. norms: none, one, or one for each level of a pyramid that all share the convolution.
    linear: rows (R, Ci) take the place of maps (N, Ci, H, W).
    """

    name: str
    method: str
    kind: Kind
    weight: Array
    scale: Array
    input: BinaryInput | IntegerInput | FloatInput
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    groups: int = 1
    pad_value: int = 0
    linear: bool = False
    bias: Array | None = None
    norms: tuple[ChannelNorm | GroupNorm, ...] = field(default=())
    shortcut: Shortcut | None = None
    post: PReLU | None = None
    gate: Gate | None = None
    centre: Array | None = None
    second: Base | None = None

    @property
    def bits(self) -> int:
        """Of a weight."""
        return BITS[self.kind]

    @property
    def out_channels(self) -> int:
        return int(self.weight.shape[0])

    @property
    def in_channels(self) -> int:
        return int(self.weight.shape[1]) * self.groups

    @property
    def with_shortcut(self) -> "list[Convolution]":
        """Itself, and the shortcut's convolution if there is one."""
        own = None if self.shortcut is None else self.shortcut.convolution
        return [self] if own is None else [self, own]

    def affine(self, level: int = 0) -> tuple[Array, Array]:
        """m and o, each (Co,) in float64, of y = m p + o: scale, step, norm and bias in one; p see the module.

        level: of the pyramid, where it has a norm for each. A GroupNorm is in neither: it stands between the two. A
        gate is one more factor of m.
        """
        factor = self.scale.astype(np.float64)
        if isinstance(self.input, IntegerInput):
            factor = factor * self.input.step
        offset = np.zeros(self.out_channels) if self.bias is None else self.bias.astype(np.float64)
        norm = self.norms[level] if self.norms else None
        if not isinstance(norm, ChannelNorm):
            return factor, offset
        m, o = norm.affine()
        return factor * m, o + offset

    def box_factor(self, level: int = 0) -> Array | None:
        """What r is times in y, (Co,) in float64, with the norm's factor as in `affine`; None where there is no r."""
        return None if self.centre is None else self._normed(self.centre, level)

    def second_factor(self, level: int = 0) -> Array | None:
        """What s is times in y, likewise; None where there is no s."""
        return None if self.second is None else self._normed(self.second.scale, level)

    @property
    def boxes(self) -> "Convolution":
        """What makes r: the same signs and a filter of ones for each group, (groups, Ho, Wo), and nothing else."""
        return self._bare(np.ones((self.groups, *self.weight.shape[1:]), np.int8))

    @property
    def second_sums(self) -> "Convolution | None":
        """What makes s: the same signs and the second weight, and nothing else; None where there is none."""
        return None if self.second is None else self._bare(self.second.weight)

    def _normed(self, factor: Array, level: int) -> Array:
        norm = self.norms[level] if self.norms else None
        return factor.astype(np.float64) * (norm.affine()[0] if isinstance(norm, ChannelNorm) else 1.0)

    def _bare(self, weight: Array) -> "Convolution":
        """The sums with another weight alone."""
        plain = replace(self, weight=weight, scale=np.ones(len(weight), np.float32), centre=None, second=None)
        return replace(plain, bias=None, norms=(), shortcut=None, post=None, gate=None)
