"""Adam and AdamW with one pass over each parameter, on a CPU several times faster than operation by operation.

torch's fused SGD is left out: it refuses a parameter whose first gradient comes later than others', as a supernet's do.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

Groups = Iterable[dict[str, Any]]


def adam(groups: Groups) -> torch.optim.Optimizer:
    """Adam; every group has its `lr`."""
    return _laid_out(torch.optim.Adam(groups, fused=True))


def adamw(groups: Groups) -> torch.optim.Optimizer:
    """AdamW; every group has its `lr`."""
    return _laid_out(torch.optim.AdamW(groups, fused=True))


def _laid_out(optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    """The optimizer with gradients and a loaded state laid out in memory as their parameters.

    On a CPU the fused step reads all of them in the order of memory and checks nothing: a gradient in another order
    would be added to the wrong weights. A loaded state stays fused, also one that a plain optimizer saved.
    """
    optimizer.register_step_pre_hook(lambda stepping, args, kwargs: _lay_out_gradients(stepping))
    optimizer.register_load_state_dict_pre_hook(lambda loading, state: _fused(state))
    optimizer.register_load_state_dict_post_hook(_lay_out_state)
    return optimizer


def _lay_out_gradients(optimizer: torch.optim.Optimizer) -> None:
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if parameter.grad is not None:
                parameter.grad = _like(parameter.grad, parameter)


def _lay_out_state(optimizer: torch.optim.Optimizer) -> None:
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                state[name] = _like(value, parameter)


def _fused(state: dict[str, Any]) -> dict[str, Any]:
    return state | {"param_groups": [{**group, "fused": True} for group in state["param_groups"]]}


def _like(value: Tensor, parameter: Tensor) -> Tensor:
    return value if value.stride() == parameter.stride() else torch.empty_like(parameter).copy_(value)
