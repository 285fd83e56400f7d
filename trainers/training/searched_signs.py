"""What a training reads and sets in 1-bit units: searches of signs, and whether weights are binary already."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from spaces.layers.binary_unit import Binary
from spaces.layers.searched_unit import DBS


def searches(modules: nn.Module) -> list[DBS]:
    """Every differentiable binarization search in `modules`."""
    return [module for module in modules.modules() if isinstance(module, DBS)]


@contextmanager
def inputs_only(modules: nn.Module) -> Iterator[None]:
    """Within this context every 1-bit unit has binary inputs but real weights; afterwards what it had before."""
    before = {module: module.inputs_only for module in modules.modules() if isinstance(module, Binary)}
    for module in before:
        module.inputs_only = True
    try:
        yield
    finally:
        for module, was in before.items():
            module.inputs_only = was
