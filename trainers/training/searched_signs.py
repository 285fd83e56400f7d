"""What a trainer does to 1-bit units beyond a step: how far a search of signs is, which flipped, what is binary yet."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from spaces.layers.binary_unit import DBS, Binary
from spaces.layers.signs import sign


def searched_logits(modules: nn.Module) -> dict[str, nn.Parameter]:
    """The logits of every differentiable binarization search in `modules`, by the name of its alternative."""
    return {name: module.logits for name, module in modules.named_modules() if isinstance(module, DBS)}


@torch.no_grad()
def flip_rate(modules: nn.Module, started: Mapping[str, Tensor]) -> float:
    """The share of all searched signs that differ from `started` (by name, -1 and +1). 0.0 when nothing is searched.

    A search that flips hardly any has found the signs that it began with: then it is no search yet.
    """
    flipped = total = 0
    for name, logits in searched_logits(modules).items():
        flipped += int((sign(logits) != started[name]).sum())
        total += logits.numel()
    return flipped / total if total else 0.0


def searches(modules: nn.Module) -> list[DBS]:
    """Every differentiable binarization search in `modules`."""
    return [module for module in modules.modules() if isinstance(module, DBS)]


def set_search_progress(found: Iterable[DBS], done: float) -> None:
    """Tell searches how much of the training is done, 0 to 1: an annealed one takes its temperature from it."""
    for one in found:
        one.search_progress = done


def set_inputs_only(modules: nn.Module, inputs_only: bool) -> None:
    """The first stage of two: every 1-bit unit has binary inputs and real weights; or, with False, both binary."""
    for module in modules.modules():
        if isinstance(module, Binary):
            module.inputs_only = inputs_only
