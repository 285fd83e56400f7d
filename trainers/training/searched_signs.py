"""Switches of 1-bit units that a training sets from outside: searches of signs, and which parts are binary yet."""

from torch import nn

from spaces.layers.binary_unit import DBS, Binary


def searches(modules: nn.Module) -> list[DBS]:
    """Every differentiable binarization search in `modules`."""
    return [module for module in modules.modules() if isinstance(module, DBS)]


def set_inputs_only(modules: nn.Module, inputs_only: bool) -> None:
    """The first of two stages: every 1-bit unit has binary inputs and real weights. With False, both are binary."""
    for module in modules.modules():
        if isinstance(module, Binary):
            module.inputs_only = inputs_only
