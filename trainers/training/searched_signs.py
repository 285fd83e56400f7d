"""What a training reads and sets in 1-bit units: searches of signs, and whether weights are binary already."""

from torch import nn

from spaces.layers.binary_unit import DBS, Binary


def searches(modules: nn.Module) -> list[DBS]:
    """Every differentiable binarization search in `modules`."""
    return [module for module in modules.modules() if isinstance(module, DBS)]


def set_inputs_only(modules: nn.Module, inputs_only: bool) -> None:
    """Give every 1-bit unit binary inputs but real weights (the first of two stages), or with False both binary."""
    for module in modules.modules():
        if isinstance(module, Binary):
            module.inputs_only = inputs_only
