"""The alternatives of a searchable unit, and the trace that layer-wise losses read."""

import math
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Literal, NamedTuple, Self

import torch
from torch import Tensor, nn

Activation = Literal["relu", "relu6", "none"]
Norm = Literal["always", "if_binary", "never"]
"""Which alternatives of a unit end with a BatchNorm."""

NOT_FOR_TRAINING = (
    "A packed detector can't be trained: its file keeps the bits of a weight, not the real number that training moves. "
    "Take the checkpoint that it was exported from."
)


@dataclass(frozen=True)
class UnitShape:
    """The place of an alternative in the network: channels, kernel, stride, and the real unit's pre-activation.

    `none` is for places whose input comes from a linear layer, as before the expansion of an inverted residual. pad:
    zeros on every side, half the (dilated) kernel where it is None. norm: `if_binary` is for a place whose published
    network has none, `never` for one whose maps differ in size or statistics from call to call; build_norm: from a
    number of channels to the norm, a BatchNorm unless the place needs another. bare: a place that has neither a norm
    nor a post-activation of its own, see `opened.OpenedConv`. groups: of channels that don't meet, as many as there are
    channels in a depthwise convolution.
    """

    in_channels: int
    out_channels: int
    kernel: int
    stride: int = 1
    _: KW_ONLY
    activation: Activation = "relu"
    pad: int | None = None
    dilation: int = 1
    groups: int = 1
    bare: bool = False
    norm: Norm = "always"
    build_norm: Callable[[int], nn.Module] = nn.BatchNorm2d

    @property
    def padding(self) -> int:
        return self.dilation * (self.kernel // 2) if self.pad is None else self.pad

    @property
    def weight(self) -> tuple[int, int, int, int]:
        return self.out_channels, self.in_channels // self.groups, self.kernel, self.kernel

    @property
    def start_deviation(self) -> float:
        """The standard deviation of the weights of a new unit (He et al., arXiv:1502.01852, by outputs)."""
        return math.sqrt(2 / (self.out_channels * self.kernel * self.kernel))


@dataclass(frozen=True)
class LayerTrace:
    """The tensors of one 1-bit unit in one forward pass that layer-wise losses read.

    x (N, Ci, H, W) the unit's input; pre_sign what its sign is taken of (x, or x shifted); binary_input that sign;
    weight (Co, Ci, k, k) the latent weight as its sign is taken of it, or logits; binary_weight its sign, with the
    method's own gradient; scale (Co, 1, 1, 1), a parameter or the mean magnitude of `weight`, as `scale_is_learned`
    says; `shape` and `pad_value` say how they are convolved. centre (Co, 1, 1, 1): what is added to each weight of a
    channel, if any; scale and centre are those of the weights alone, without a scale of the inputs. of_signs: whether
    binary_weight is of -1 and +1, or of what lies between them; else it is a sum of several such weights. others: where
    the unit runs more than once in a pass, as on every level of a pyramid, the traces of its later runs.
    """

    x: Tensor
    pre_sign: Tensor
    binary_input: Tensor
    weight: Tensor
    binary_weight: Tensor
    scale: Tensor
    shape: UnitShape
    pad_value: float
    scale_is_learned: bool = False
    centre: Tensor | None = None
    of_signs: bool = True
    others: tuple["LayerTrace", ...] = ()

    @property
    def scaled_weight(self) -> Tensor:
        """(Co, Ci, k, k): scale times binary weight, and the centre where there is one."""
        scaled = self.scale.view(-1, 1, 1, 1) * self.binary_weight
        return scaled if self.centre is None else scaled + self.centre


class StoredWeight(NamedTuple):
    """A weight of few bits as it is stored: what `levels`, `centre` and `second` of an `Alternative` return."""

    levels: Tensor
    scale: Tensor
    centre: Tensor | None = None
    second: tuple[Tensor, Tensor] | None = None


class Alternative(nn.Module):
    """A unit from pre-activation to BatchNorm: `forward(x, weight)`, and `after(y)` behind the shortcut.

    `weight` is the latent weight that the unit's alternatives, or those of its kind, share; those that own theirs
    (`owns_weight`) don't read it.
    """

    owns_weight = False
    is_binary = False
    has_centre = False
    """Whether something is added to each weight of an output channel, see `centre`."""
    bases = 1
    """How many weights of few bits are convolved, one or two; see `second`."""
    starts_from_real_norm = False
    """Whether its BatchNorm starts as the real alternative's, where a network takes the weights of a real one."""
    folded: tuple[str, ...] = ()
    """Own parameters and modules that cost nothing extra: what becomes part of the binary weight, and the scale that
    every 1-bit layer is counted with."""
    weighed: tuple[str, ...] = ()
    """Own parameters, buffers and modules that `levels` has all of: nothing else reads them in evaluation."""
    given_scale: Tensor | None

    def __init__(self, shape: UnitShape) -> None:
        super().__init__()
        self.shape = shape
        normed = not shape.bare and (shape.norm == "always" or (shape.norm == "if_binary" and self.is_binary))
        self.bn: nn.Module = shape.build_norm(shape.out_channels) if normed else nn.Identity()
        self.register_buffer("given_scale", None, persistent=False)

    def after(self, y: Tensor) -> Tensor:
        """The post-activation, behind the sum with the shortcut; nothing by default."""
        return y

    def start_from(self, weight: Tensor) -> None:
        """Set what depends on a real weight (Co, Ci, k, k), such as a learned scale; nothing by default."""

    def refit_scale(self, weight: Tensor) -> None:
        """Set a learned scale anew, after a training of the real weight (Co, Ci, k, k) that didn't reach it."""

    def pass_without_input(self) -> None:
        """Take part in what several processes measure together, where this one has no input; nothing by default."""

    @torch.no_grad()
    def levels(self, weight: Tensor | None) -> tuple[Tensor, Tensor]:
        """The weight in evaluation, as levels (Co, Ci, k, k) and the scale (Co,) that each channel's are times.

        Levels are -1 and +1, whole numbers, or the real weight itself, of scale 1.
        """
        own = self._own_weight(weight)
        if self.given_scale is not None:
            return self._given_levels(own, self.given_scale), self.given_scale
        return self._levels(own)

    def centre(self, weight: Tensor | None) -> Tensor | None:
        """What is added to the scaled levels of each output channel, (Co,); None where nothing is."""
        return None

    def second(self, weight: Tensor | None) -> tuple[Tensor, Tensor] | None:
        """The levels (Co, Ci, k, k) and the scale (Co,) of a second weight that is convolved too and added, or None."""
        return None

    @torch.no_grad()
    def give(self, stored: StoredWeight, weight: Tensor | None) -> None:
        """Compute from now on with what is stored, put into `weight`: the latent weight is lost.

        What is convolved is the same to the bit. Such an alternative can't be trained, see `train`.
        """
        self._own_weight(weight).copy_(stored.levels * stored.scale.view(-1, 1, 1, 1))
        self.given_scale = stored.scale

    def train(self, mode: bool = True) -> Self:
        """Raises ValueError where the weight was given, see `give`."""
        if mode and self.given_scale is not None:
            raise ValueError(NOT_FOR_TRAINING)
        return super().train(mode)

    def _own_weight(self, weight: Tensor | None) -> Tensor:
        """The weight (Co, Ci, k, k) that it computes with: the unit's, unless it owns one."""
        if weight is None:
            raise ValueError("This alternative needs the unit's weight.")
        return weight

    def _levels(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """See `levels`, of a latent weight; a real one by default."""
        return weight, weight.new_ones(len(weight))

    def _given_levels(self, weight: Tensor, scale: Tensor) -> Tensor:
        """See `levels`, of a weight that was given."""
        return (weight / scale.view(-1, 1, 1, 1)).round()

    def trace(self, x: Tensor, weight: Tensor | None) -> LayerTrace | None:
        """The trace for layer-wise losses; None for an alternative that isn't 1-bit."""
        return None
