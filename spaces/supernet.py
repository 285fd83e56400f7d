"""The supernet: the student with every unit's alternatives, to be activated or extracted."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Literal, cast

import torch
from torch import Tensor, nn

from spaces.candidate import Candidate, Choice, method_of
from spaces.detectors import DetectorSpec, build_detector, openable, searchable_units
from spaces.layers import REAL, OpenedLayer
from spaces.layers.alternative import Alternative
from spaces.layers.opened import group_of, open_layers
from spaces.lookup import did_you_mean
from spaces.without_values import without_values

Weights = Literal["shared", "by_kind"]
"""Whether all methods of a unit share one latent weight, or 1-bit methods one and those of several bits another."""


def build_supernet(spec: DetectorSpec, choices: Mapping[str, Sequence[str]], weights: Weights = "shared") -> nn.Module:
    """A detector whose units hold all alternatives that a search may give them.

    `choices` maps module names or prefixes to methods, the longest prefix wins; a unit that none fits is real and
    stays so. What is `openable` is opened where `choices` has its exact name, or else its group or part.

    weights: `by_kind` splits the latent weight of every unit that has both kinds, see `SearchableUnit.split_weight`;
    the gradients of 1-bit methods then leave alone what real and quantized methods compute with.
    """
    network = build_detector(spec, lambda unit: method_of(unit, choices) or (REAL,))
    _open(network, choices)
    if weights == "by_kind":
        for unit in searchable_units(network).values():
            unit.split_weight()
    return _channels_last(network)


def activate(supernet: nn.Module, candidate: Candidate) -> None:
    """Make every unit compute with the candidate's method. Raises ValueError, and switches none, when one lacks it."""
    layers = candidate.layers()
    chosen = {
        unit: choice_of(name, group_of(unit), layers) or REAL for name, unit in searchable_units(supernet).items()
    }
    for unit, method in chosen.items():
        unit.check(method)
    for unit, method in chosen.items():
        unit.activate(method)


def build_fixed(spec: DetectorSpec, candidate: Candidate) -> nn.Module:
    """A freshly initialised detector that holds the candidate's alternatives and no others."""
    layers = candidate.layers()
    network = build_detector(spec, lambda unit: (method_of(unit, layers) or REAL,))
    _open(network, {name: (chosen,) for name, chosen in layers.items()})
    units = searchable_units(network)
    unused = [
        prefix for prefix in layers if not any(means(prefix, name, group_of(unit)) for name, unit in units.items())
    ]
    if unused:
        raise ValueError(f"The detector {spec.detector} {_no_layers(network, unused)}")
    return _channels_last(network)


def choice_of(name: str, group: str | None, choices: Mapping[str, Choice]) -> Choice | None:
    """What choices by layer, prefix or group give to a unit; None where none reaches it.

    group: an opened layer's, None for other units. The longest prefix wins; an opened layer has its exact name, or else
    its group or part (`heads.cls`, `heads`). A prefix of modules never reaches it: a candidate with a 1-bit backbone
    leaves the stem and the shortcuts in it real.
    """
    if group is None or name in choices:
        return method_of(name, choices)
    return method_of(group, choices)


def means(prefix: str, name: str, group: str | None) -> bool:
    """Whether a candidate may mean a unit by `prefix`: its module, one that it lies in, or an opened layer's group.

    An opened layer lies in no module: see `choice_of`.
    """
    return covers(prefix, name) if group is None else prefix == name or covers(prefix, group)


def extract(state: Mapping[str, Tensor], spec: DetectorSpec, candidate: Candidate) -> nn.Module:
    """The candidate as a network of its own, in evaluation mode, with copies of a supernet's (or its own) `state_dict`.

    `extract(s.state_dict(), spec, c)(x)` equals `activate(s, c)` then `s(x)`; nothing done to it changes the state,
    which may be shared between processes and is only read.
    """
    with without_values():  # no memory and no random numbers for weights that are replaced at once
        network = build_fixed(spec, candidate)
    first = next(iter(state.values()), None)
    if first is None:
        raise ValueError("The state holds no tensor.")
    give_memory(network, first.device)
    inherit(network, state)
    return network.eval()


def give_memory(network: nn.Module, device: torch.device) -> None:
    """Give a network that was built `without_values` the memory of one that was built with them, filled with anything.

    Every tensor of its state must be set then.
    """
    network.to_empty(device=device)
    _channels_last(network)


def inherit(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Copy the tensors that `network` needs out of a larger network's state.

    A unit of 1-bit methods takes the weight of these, under its usual name, where the state has one apart. Raises
    ValueError when a tensor is missing or of another shape; then nothing is copied.
    """
    own = network.state_dict()
    missing = [name for name in own if name not in state]
    if missing:
        raise ValueError(f"The state lacks {len(missing)} tensors of the network, {missing[0]} among them.")
    taken = {name: name for name in own} | _split_off(network, state)
    _check_shapes(own, state, taken)
    with torch.no_grad():
        for name, source in taken.items():
            own[name].copy_(state[source])


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

    That is the tensor of the same name, the real weight for 1-bit methods' own, or the real alternative's for
    BatchNorms that start from it.
    """
    names = {name: name for name in network.state_dict()}
    for unit_name, unit in searchable_units(network).items():
        if unit.one_bit_weight is not None:
            names[f"{unit_name}.one_bit_weight"] = f"{unit_name}.weight"
        for method, alternative in unit.alternatives.items():
            if cast(Alternative, alternative).starts_from_real_norm:
                for key in alternative.get_submodule("bn").state_dict():
                    own, real = (f"{unit_name}.alternatives.{m}.bn.{key}" for m in (method, REAL))
                    names[own] = real
    return names


def _split_off(network: nn.Module, state: Mapping[str, Tensor]) -> dict[str, str]:
    """Maps the weights of 1-bit units to those that 1-bit methods have apart in a state."""
    units = {name for name, unit in searchable_units(network).items() if unit.shares_one_bit_weight}
    return {f"{name}.weight": source for name in units if (source := f"{name}.one_bit_weight") in state}


def _check_shapes(own: Mapping[str, Tensor], state: Mapping[str, Tensor], sources: Mapping[str, str]) -> None:
    """Raise ValueError if a tensor and its source in the state differ in shape: `copy_` would broadcast silently."""
    for name, source in sources.items():
        if state[source].shape != own[name].shape:
            shapes = f"{tuple(state[source].shape)} in the state and {tuple(own[name].shape)} in the network"
            raise ValueError(f"The tensor {name} is {shapes}.")


def _no_layers(network: nn.Module, unused: Sequence[str]) -> str:
    """That these names are no layers, and which ones there are."""
    units = [name for name, unit in searchable_units(network).items() if not isinstance(unit, OpenedLayer)]
    groups = openable(network)
    opened = [name for layers in groups.values() for name in layers]
    hint = did_you_mean(unused[0], [*dict.fromkeys(chain(*map(prefixes, [*units, *groups]))), *opened])
    roots = ", ".join(dict.fromkeys(unit.partition(".")[0] for unit in units))
    return (
        f"has no layer called {', '.join(unused)}.{hint} Layers are {roots} and the modules in them that hold "
        f"searchable units, down to {units[0]}; besides, the groups {', '.join(groups)} and by exact name what is in "
        f"them, such as {opened[0]}."
    )


def _open(network: nn.Module, choices: Mapping[str, Sequence[str]]) -> None:
    """Open what `choices` names, in the network's order."""
    groups = {name: group for group, layers in openable(network).items() for name in layers}
    methods = {name: choices.get(name) or method_of(group, choices) for name, group in groups.items()}
    open_layers(network, {name: offered for name, offered in methods.items() if offered}, groups)


def prefixes(name: str) -> list[str]:
    """A dotted name and what it lies in, from the outside: `a`, `a.b`, `a.b.c`."""
    parts = name.split(".")
    return [".".join(parts[: depth + 1]) for depth in range(len(parts))]


def _channels_last(network: nn.Module) -> nn.Module:
    """The network with its kernels in channels-last order, which makes its feature maps so too.

    Only memory is ordered anew: shapes, names and values stay. A CPU trains such a network faster. One that was built
    `without_values` has no memory, and gets this order with it, see `give_memory`.
    """
    for tensor in network.parameters():  # `Module.to` takes two to three times as long
        if tensor.ndim == 4 and not tensor.is_meta:
            tensor.data = tensor.data.to(memory_format=torch.channels_last)
    return network


def covers(prefix: str, unit: str) -> bool:
    """Whether `prefix` names `unit` or a module that it lies in."""
    return unit == prefix or unit.startswith(f"{prefix}.")
