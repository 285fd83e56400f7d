"""Loads published weights into backbones and detectors, and reports what matched."""

import pickle
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

import torch
from torch import Tensor, nn

from spaces.detectors import searchable_units
from spaces.layers import REAL
from spaces.supernet import sources

UNREADABLE = (
    pickle.UnpicklingError,  # another kind of file, or objects that aren't tensors
    RuntimeError,  # the zip archive or a tensor in it is incomplete
    EOFError,
    IndexError,  # from here on, torch's unpickler trips over damaged bytes
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    AssertionError,
    struct.error,
)
"""What torch.load(weights_only=True) raises for damaged and foreign files: it lets its unpickler's own errors pass."""


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
    own: tensors of 1-bit and quantized alternatives, which no published checkpoint has.
    unused: tensors of the checkpoint that fit nowhere.
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


def read_state(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a state dict that `torch.save` wrote. Other objects in the file are not unpickled.

    Raises ValueError, with the file's name, if it can't be read, is damaged or holds anything but tensors by name.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ValueError(f"{path} can't be read: {error.strerror}.") from error
    except UNREADABLE as error:
        raise ValueError(
            f"{path} is damaged, or holds more than tensors: a state dict is needed, as of model.state_dict()."
        ) from error
    if not isinstance(state, Mapping) or not state or not all(_is_usable(*item) for item in state.items()):
        raise ValueError(f"{path} holds no tensors by name, dense and real-valued: a state dict is needed.")
    broken = [name for name, tensor in state.items() if tensor.is_floating_point() and not tensor.isfinite().all()]
    if broken:
        raise ValueError(f"{path} is damaged: {broken[0]} has values that are no finite numbers.")
    return dict(state)


def published_part(detector: nn.Module, state: Mapping[str, Tensor]) -> nn.Module:
    """The module that a published state dict fits: the whole detector if it is a detector's, else the backbone.

    Raises ValueError for a detector's state dict if our detector can't map its names.
    """
    if not any(name.startswith("backbone.") for name in state):
        return detector.get_submodule("backbone")
    if not hasattr(detector, "from_published"):
        raise ValueError("The checkpoint is a whole detector's, and ours takes a backbone's weights only.")
    return detector


def _is_usable(name: object, tensor: object) -> bool:
    return (
        isinstance(name, str)
        and isinstance(tensor, Tensor)
        and tensor.layout == torch.strided
        and not tensor.is_complex()
    )


def load_pretrained(network: nn.Module, state: Mapping[str, Tensor]) -> LoadReport:
    """Copy a published checkpoint's tensors into a backbone or a detector, or into a supernet of it.

    Quantized alternatives take the real ones' BatchNorm; what alternatives derive from a real weight (learned scales,
    searched signs) is derived from the checkpoint's. Raises ValueError when no tensor fits, or when one is of another
    shape, as with another width; then nothing is copied.
    """
    named = cast(Publishable, network).from_published(state)
    own = network.state_dict()
    copied = {name: source for name, source in sources(network).items() if source in named and not _is_counter(name)}
    for name, source in copied.items():
        if own[name].shape != named[source].shape:
            shapes = f"{tuple(named[source].shape)} in the checkpoint and {tuple(own[name].shape)} in the network"
            raise ValueError(f"The tensor {name} is {shapes}: published weights fit a width of 1 only.")
    used = set(copied.values())
    if not used:
        raise ValueError(f"No tensor of the checkpoint fits the network. It holds {', '.join(list(state)[:3])}, ...")
    with torch.no_grad():
        for name, source in copied.items():
            own[name].copy_(named[source])
        for name, unit in searchable_units(network).items():
            if (weight := named.get(f"{name}.weight")) is not None:
                unit.start_from(weight.to(next(unit.parameters()).device))
                used.add(f"{name}.weight")
    remaining = [name for name in own if name not in copied and not _is_counter(name)]
    of_methods = _of_other_methods(network)
    return LoadReport(
        loaded=tuple(copied),
        missing=tuple(name for name in remaining if name not in of_methods),
        own=tuple(name for name in remaining if name in of_methods),
        unused=tuple(name for name in named if name not in used and not _is_counter(name)),
        changes=tuple(network.report_published(state)) if isinstance(network, ReportsChanges) else (),
    )


def _is_counter(name: str) -> bool:
    return name.endswith(".num_batches_tracked")


def _of_other_methods(network: nn.Module) -> set[str]:
    """The names of the tensors of all alternatives but the real ones: 1-bit parameters, ranges of quantized inputs."""
    return {
        f"{unit_name}.alternatives.{method}.{key}"
        for unit_name, unit in searchable_units(network).items()
        for method, alternative in unit.alternatives.items()
        if method != REAL
        for key in alternative.state_dict()
    }
