"""Layers that are real by default (first layer, shortcuts, depthwise ones, heads), opened to a choice of precisions."""

from collections.abc import Mapping, Sequence
from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

from spaces.layers.alternative import Activation, Alternative, UnitShape
from spaces.layers.methods import REAL
from spaces.layers.products import conv2d
from spaces.layers.real import activated
from spaces.layers.unit import SearchableUnit


class ActivatedConv2d(nn.Conv2d):
    """A convolution with the activation in front of it, which it takes along when it is opened: x, of both signs."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        stride: int = 1,
        padding: int = 0,
        *,
        groups: int = 1,
        bias: bool = True,
        activation: Activation = "relu",
    ) -> None:
        super().__init__(in_channels, out_channels, kernel, stride, padding, groups=groups, bias=bias)
        self.activation: Activation = activation

    def forward(self, x: Tensor) -> Tensor:
        places = {"stride": self.stride[0], "padding": int(self.padding[0]), "groups": self.groups}
        return conv2d(activated(x, self.activation), self.weight, self.bias, **places)


class ActivatedLinear(nn.Linear):
    """A linear layer with a ReLU in front of it, likewise: x (R, Ci), of both signs."""

    activation: Activation = "relu"

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(activated(x, self.activation))


class OpenedConv(SearchableUnit):
    """A convolution in a choice of precisions, with the weight and the bias of a real one under the same names.

    y = alternative(x) + bias, (N, Ci, H, W) to (N, Co, Ho, Wo): what stands round it, a BatchNorm or nothing behind a
    head, stays where it is, so that alternatives have neither a BatchNorm nor a post-activation here. group: the layers
    with which it is switched, see `detectors.openable`.
    """

    def __init__(self, conv: nn.Conv2d, methods: Sequence[str], group: str = "") -> None:
        shape = UnitShape(
            conv.in_channels,
            conv.out_channels,
            conv.kernel_size[0],
            conv.stride[0],
            activation=_activation(conv),
            pad=int(conv.padding[0]),
            dilation=conv.dilation[0],
            groups=conv.groups,
            bare=True,
        )
        super().__init__(shape, methods, shortcut="none")
        self.group = group
        _take_parameters(self, conv)


class OpenedLinear(SearchableUnit):
    """A linear layer in a choice of precisions: x (R, Ci) to (R, Co), as a 1x1 convolution of R maps of one pixel.

    Weight (Co, Ci) and bias are those of the real layer under the same names; real, it computes to the bit what that
    does. It leaves no trace: a student's proposals aren't its teacher's, so that layer losses have nothing to compare.
    """

    def __init__(self, linear: nn.Linear, methods: Sequence[str], group: str = "") -> None:
        shape = UnitShape(linear.in_features, linear.out_features, 1, activation=_activation(linear), bare=True)
        super().__init__(shape, methods, shortcut="none")
        self.group = group
        _take_parameters(self, linear)

    def start_from(self, weight: Tensor) -> None:
        super().start_from(weight.reshape(self.shape.weight))

    @property
    def may_leave_trace(self) -> bool:
        return False

    def forward(self, x: Tensor) -> Tensor:
        if self.active == REAL:
            return F.linear(activated(x, self.shape.activation), cast(Tensor, self.weight), self.bias)
        alternative = cast(Alternative, self.alternatives[self.active])
        if len(x) == 0:  # no proposal: nothing to measure a range on, and still a path for gradients
            alternative.pass_without_input()
            return x.new_zeros(0, self.shape.out_channels) + x.sum()
        latent = self.latent_weight
        weight = None if latent is None else latent[..., None, None]
        y = alternative(x[..., None, None], weight).flatten(1)
        return y if self.bias is None else y + self.bias


OpenedLayer = OpenedConv | OpenedLinear


def group_of(unit: nn.Module) -> str | None:
    """The group of an opened layer; None for another unit."""
    return unit.group if isinstance(unit, OpenedLayer) else None


def open_layers(network: nn.Module, choices: Mapping[str, Sequence[str]], groups: Mapping[str, str]) -> None:
    """Open the layers that `choices` names, each with its methods, in place. groups: the group of each, by name."""
    for name, methods in choices.items():
        parent, _, leaf = name.rpartition(".")
        layer, group = network.get_submodule(name), groups[name]
        opened = (
            OpenedLinear(layer, methods, group)
            if isinstance(layer, nn.Linear)
            else OpenedConv(cast(nn.Conv2d, layer), methods, group)
        )
        network.get_submodule(parent).add_module(leaf, opened)


def _activation(layer: nn.Module) -> Activation:
    return layer.activation if isinstance(layer, ActivatedConv2d | ActivatedLinear) else "none"


def _take_parameters(unit: SearchableUnit, layer: nn.Conv2d | nn.Linear) -> None:
    if unit.weight is not None:
        unit.weight = cast(nn.Parameter, layer.weight)
    unit.bias = cast(nn.Parameter | None, layer.bias)
    if not layer.weight.is_meta:
        unit.start_from(layer.weight.detach())
