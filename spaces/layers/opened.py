"""Convolutions that are real by default (the first layer, shortcuts, heads), opened to a choice of precisions."""

from collections.abc import Mapping, Sequence
from typing import cast

from torch import Tensor, nn

from spaces.layers.alternative import Activation, UnitShape
from spaces.layers.real import activated
from spaces.layers.unit import SearchableUnit


class ActivatedConv2d(nn.Conv2d):
    """A convolution with the activation in front of it, which it takes along when it is opened: x, of both signs."""

    activation: Activation = "relu"

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(activated(x, self.activation))


class OpenedConv(SearchableUnit):
    """A convolution in a choice of precisions, with the weight and the bias of a real one under the same names.

    y = alternative(x) + bias, (N, Ci, H, W) to (N, Co, Ho, Wo): what stands round it, a BatchNorm or nothing behind a
    head, stays where it is, so that alternatives have neither a BatchNorm nor a post-activation here.
    """

    def __init__(self, conv: nn.Conv2d, methods: Sequence[str]) -> None:
        activation: Activation = conv.activation if isinstance(conv, ActivatedConv2d) else "none"
        shape = UnitShape(
            conv.in_channels,
            conv.out_channels,
            conv.kernel_size[0],
            conv.stride[0],
            activation=activation,
            pad=int(conv.padding[0]),
            dilation=conv.dilation[0],
            bare=True,
        )
        super().__init__(shape, methods, shortcut="none")
        if self.weight is not None:
            self.weight = cast(nn.Parameter, conv.weight)
        self.bias = cast(nn.Parameter | None, conv.bias)
        if not conv.weight.is_meta:
            self.start_from(conv.weight.detach())


def open_layers(network: nn.Module, choices: Mapping[str, Sequence[str]]) -> None:
    """Open the convolutions that `choices` names, each with its methods, in place."""
    for name, methods in choices.items():
        parent, _, leaf = name.rpartition(".")
        conv = cast(nn.Conv2d, network.get_submodule(name))
        network.get_submodule(parent).add_module(leaf, OpenedConv(conv, methods))
