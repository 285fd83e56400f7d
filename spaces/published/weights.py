"""Loads published weights into backbones and detectors, and reports what matched."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, cast, runtime_checkable

import torch
from torch import Tensor, nn

from spaces.detectors import searchable_units
from spaces.layers import REAL
from spaces.published.words import first_names
from spaces.supernet import sources


class Publishable(Protocol):
    """A backbone or a detector that knows the names of a published network's tensors."""

    def from_published(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]: ...


@runtime_checkable
class ReportsChanges(Protocol):
    """A network that changes more of a published state than its names, and reports these changes."""

    def report_published(self, state: Mapping[str, Tensor]) -> list[str]: ...


@dataclass(frozen=True)
class LoadReport:
    """What was loaded from a checkpoint: names of tensors, without BatchNorm's counters.

    loaded: the network's tensors that were taken from the checkpoint.
    missing: tensors of the network's real parts that the checkpoint lacks.
    own: tensors of 1-bit and quantized alternatives, which no published checkpoint has; a weight that 1-bit ones have
    of their own is among them where the checkpoint lacks the real one.
    unused: tensors of the checkpoint that fit nowhere, by their names there.
    changes: what else was changed, one clause each.
    """

    loaded: tuple[str, ...]
    missing: tuple[str, ...]
    own: tuple[str, ...]
    unused: tuple[str, ...]
    changes: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every real part of the network has its weights."""
        return not self.missing


def load_pretrained(network: nn.Module, state: Mapping[str, Tensor]) -> LoadReport:
    """Copy a published checkpoint's tensors into a backbone or a detector, or into a supernet of it.

    Quantized alternatives take the real ones' BatchNorm; what alternatives derive from a real weight (learned scales,
    searched signs) is derived from the checkpoint's. Raises ValueError when no tensor fits, or when one is of another
    shape, as with another width, or of whole numbers; then nothing is copied.
    """
    named = cast(Publishable, network).from_published(state)
    own = network.state_dict()
    copied = {name: source for name, source in sources(network).items() if source in named and not is_counter(name)}
    for name, source in copied.items():
        if (reason := misfit(name, own[name], named[source])) is not None:
            raise ValueError(f"{reason}.")
    used = set(copied.values())
    if not used:
        raise ValueError(f"No tensor of the checkpoint fits the network. It holds {first_names(list(state))}.")
    with torch.no_grad():
        for name, source in copied.items():
            own[name].copy_(named[source])
        for name, unit in searchable_units(network).items():
            if (weight := named.get(f"{name}.weight")) is not None:
                unit.start_from(weight.to(next(unit.parameters()).device))
                used.add(f"{name}.weight")
    real = real_tensors(network)
    remaining = [name for name in own if name not in copied and not is_counter(name)]
    without_use = {id(tensor) for name, tensor in named.items() if name not in used}
    return LoadReport(
        loaded=tuple(copied),
        missing=tuple(name for name in remaining if name in real),
        own=tuple(name for name in remaining if name not in real),
        unused=tuple(name for name, tensor in state.items() if id(tensor) in without_use and not is_counter(name)),
        changes=tuple(network.report_published(state)) if isinstance(network, ReportsChanges) else (),
    )


def real_tensors(network: nn.Module) -> dict[str, Tensor]:
    """The tensors by name that a published checkpoint may fill: all but BatchNorm's counters and those of 1-bit and
    quantized alternatives, which are parameters of their own (a weight that 1-bit ones share too) and ranges of inputs.
    """
    of_methods = {
        f"{unit_name}.alternatives.{method}.{key}"
        for unit_name, unit in searchable_units(network).items()
        for method, alternative in unit.alternatives.items()
        if method != REAL
        for key in alternative.state_dict()
    }
    of_methods |= {f"{unit_name}.one_bit_weight" for unit_name in searchable_units(network)}
    return {
        name: tensor for name, tensor in network.state_dict().items() if name not in of_methods and not is_counter(name)
    }


def is_counter(name: str) -> bool:
    """Whether a tensor's name is that of a BatchNorm's counter of batches, which nothing depends on."""
    return name.endswith(".num_batches_tracked")


def misfit(name: str, own: Tensor, published: Tensor) -> str | None:
    """Why a published tensor can't be a network's own, as a sentence without its period; None if it can."""
    if own.shape != published.shape:
        shapes = f"{tuple(published.shape)} in the checkpoint and {tuple(own.shape)} in the network"
        return f"The tensor {name} is {shapes}: published weights fit a width of 1 only"
    if own.is_floating_point() and not published.is_floating_point():
        kind = str(published.dtype).removeprefix("torch.")
        return f"The tensor {name} is of {kind} in the checkpoint: weights must be real numbers"
    return None
