"""The supernet: the student with every unit's alternatives, to be activated or extracted."""

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from spaces.candidate import Candidate, method_of
from spaces.detectors import DetectorSpec, build_detector, openable, searchable_units
from spaces.layers import REAL, OpenedConv
from spaces.layers.alternative import Alternative
from spaces.layers.opened import open_layers
from spaces.lookup import did_you_mean


def build_supernet(spec: DetectorSpec, choices: Mapping[str, Sequence[str]]) -> nn.Module:
    """A detector whose units hold all alternatives that a search may give them.

    `choices` maps module names or prefixes to methods, the longest prefix wins; a unit that none fits is real and
    stays so. First layer, shortcuts and heads are opened where `choices` has their exact names.
    """
    network = build_detector(spec, lambda unit: _methods(unit, choices))
    open_layers(network, _opened(network, choices))
    return _channels_last(network)


def activate(supernet: nn.Module, candidate: Candidate) -> None:
    """Make every unit compute with the candidate's method. Raises ValueError, and switches none, when one lacks it."""
    layers = candidate.layers()
    chosen = {
        unit: layers.get(name, REAL) if isinstance(unit, OpenedConv) else method_of(name, layers) or REAL
        for name, unit in searchable_units(supernet).items()
    }
    for unit, method in chosen.items():
        unit.check(method)
    for unit, method in chosen.items():
        unit.activate(method)


def build_fixed(spec: DetectorSpec, candidate: Candidate) -> nn.Module:
    """A freshly initialised detector that holds the candidate's alternatives and no others."""
    layers = candidate.layers()
    network = build_detector(spec, lambda unit: (method_of(unit, layers) or REAL,))
    open_layers(network, _opened(network, {name: (chosen,) for name, chosen in layers.items()}))
    unused = [prefix for prefix in layers if not any(covers(prefix, unit) for unit in searchable_units(network))]
    if unused:
        raise ValueError(f"The detector {spec.detector} {_no_layers(network, unused)}")
    return _channels_last(network)


def extract(state: Mapping[str, Tensor], spec: DetectorSpec, candidate: Candidate) -> nn.Module:
    """The candidate as a network of its own, in evaluation mode, with copies of a supernet's (or its own) `state_dict`.

    `extract(s.state_dict(), spec, c)(x)` equals `activate(s, c)` then `s(x)`; nothing done to it changes the state,
    which may be shared between processes and is only read.
    """
    with torch.device("meta"):  # no memory and no random numbers for weights that are replaced at once
        network = build_fixed(spec, candidate)
    first = next(iter(state.values()), None)
    if first is None:
        raise ValueError("The state holds no tensor.")
    network.to_empty(device=first.device)
    inherit(network, state)
    return network.eval()


def inherit(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Copy the tensors that `network` needs out of a larger network's state.

    Raises ValueError when one is missing or of another shape; then nothing is copied.
    """
    own = network.state_dict()
    missing = [name for name in own if name not in state]
    if missing:
        raise ValueError(f"The state lacks {len(missing)} tensors of the network, {missing[0]} among them.")
    _check_shapes(own, state, {name: name for name in own})
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(state[name])


def inherit_shared(supernet: nn.Module, state: Mapping[str, Tensor]) -> list[str]:
    """Copy what a twin's state shares with the supernet; returns the names of the tensors that it has of its own.

    A quantized alternative takes the real one's BatchNorm. What alternatives derive from a real weight, learned scales
    and searched signs, is derived from the twin's. Raises ValueError when a shared tensor is of another shape; then
    nothing is copied.
    """
    own = supernet.state_dict()
    shared = {name: source for name, source in sources(supernet).items() if source in state}
    _check_shapes(own, state, shared)
    with torch.no_grad():
        for name, source in shared.items():
            own[name].copy_(state[source])
        for name, unit in searchable_units(supernet).items():
            if (weight := state.get(f"{name}.weight")) is not None:
                unit.start_from(weight.to(next(unit.parameters()).device))
    return [name for name in own if name not in shared]


def sources(network: nn.Module) -> dict[str, str]:
    """Maps each tensor to the tensor of an all-real network that it starts from.

    That is the tensor of the same name, or the real alternative's for BatchNorms that start from it.
    """
    names = {name: name for name in network.state_dict()}
    for unit_name, unit in searchable_units(network).items():
        for method, alternative in unit.alternatives.items():
            if cast(Alternative, alternative).starts_from_real_norm:
                for key in alternative.get_submodule("bn").state_dict():
                    own, real = (f"{unit_name}.alternatives.{m}.bn.{key}" for m in (method, REAL))
                    names[own] = real
    return names


def _check_shapes(own: Mapping[str, Tensor], state: Mapping[str, Tensor], sources: Mapping[str, str]) -> None:
    """Raise ValueError if a tensor and its source in the state differ in shape: `copy_` would broadcast silently."""
    for name, source in sources.items():
        if state[source].shape != own[name].shape:
            shapes = f"{tuple(state[source].shape)} in the state and {tuple(own[name].shape)} in the network"
            raise ValueError(f"The tensor {name} is {shapes}.")


def _no_layers(network: nn.Module, unused: Sequence[str]) -> str:
    """That these names are no layers, and which ones there are."""
    units = [name for name, unit in searchable_units(network).items() if not isinstance(unit, OpenedConv)]
    modules = {".".join(names[:depth]) for names in map(_names, units) for depth in range(1, len(names) + 1)}
    opened = [name for names in openable(network).values() for name in names]
    hint = did_you_mean(unused[0], [*modules, *opened])
    roots = ", ".join(dict.fromkeys(names[0] for names in map(_names, units)))
    return (
        f"has no layer called {', '.join(unused)}.{hint} Layers are {roots} and the modules in them that hold "
        f"searchable units, down to {units[0]}; besides, by exact name only, {', '.join(opened[:1] + opened[-1:])} "
        "and the other dense convolutions of stem, shortcuts and heads."
    )


def _opened(network: nn.Module, choices: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """The choices for convolutions that can be opened, in the network's order.

    A prefix opens nothing: a candidate that makes the whole backbone 1-bit leaves its stem and its shortcuts real.
    """
    return {name: choices[name] for names in openable(network).values() for name in names if name in choices}


def _names(module: str) -> list[str]:
    return module.split(".")


def _channels_last(network: nn.Module) -> nn.Module:
    """The network with its kernels in channels-last order, which makes its feature maps so too.

    Only memory is ordered anew: shapes, names and values stay. A CPU trains such a network faster.
    """
    return network.to(memory_format=torch.channels_last)


def _methods(unit: str, choices: Mapping[str, Sequence[str]]) -> Sequence[str]:
    fitting = [prefix for prefix in choices if covers(prefix, unit)]
    return choices[max(fitting, key=len)] if fitting else (REAL,)


def covers(prefix: str, unit: str) -> bool:
    """Whether `prefix` names `unit` or a module that it lies in."""
    return unit == prefix or unit.startswith(f"{prefix}.")
