"""Fills a backbone from one that was trained before as it is: with 1-bit layers, their thresholds and their PReLUs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from spaces.detectors import searchable_units
from spaces.layers import REAL, is_binary
from spaces.published.weights import LoadReport, is_counter
from spaces.published.words import first_names


@dataclass(frozen=True)
class TrainedBackbone:
    """A trained backbone that has one method in each unit.

    tensors: under the names of a backbone of ours, and what else the file holds; each unit has a weight. methods: of
    its units by name; those that aren't in it are real. title: what it is, for messages. names: the tensors' names in
    the file, where they differ.
    """

    tensors: Mapping[str, Tensor]
    methods: Mapping[str, str]
    title: str
    names: Mapping[str, str] = field(default_factory=dict)

    def named(self, tensor: str) -> str:
        """A tensor's name in the file."""
        return self.names.get(tensor, tensor)


def fill_pretrained(backbone: nn.Module, found: TrainedBackbone, *, one_bit_only: bool = False) -> LoadReport:
    """Copy all of a trained backbone that has a place in another one, or in a supernet of it.

    That is each tensor outside of alternatives, and of an alternative

    - each of the same method;
    - of another 1-bit method each part of the same name and shape: BatchNorm, thresholds, PReLU, learned scale, logits;
    - of another method of several bits the BatchNorm.

    Between 1 bit and several the weight is taken alone: their maps have other means and variances. What alternatives
    derive from a weight, and isn't taken, is derived. one_bit_only: leave alone what real and quantized layers compute
    with, for a supernet whose 1-bit methods have weights of their own.

    Raises ValueError if a tensor outside of alternatives is missing, or has another shape: it is another backbone's, or
    one of another width. Then nothing is copied.
    """
    tensors = found.tensors
    own, sources = backbone.state_dict(), _sources(backbone, found)
    if one_bit_only:
        kept = _one_bit(backbone, found)
        sources = {name: source for name, source in sources.items() if name in kept}
    else:
        _check(own, sources, found)
    sources = {name: source for name, source in sources.items() if tensors[source].shape == own[name].shape}
    with torch.no_grad():
        for name, unit in searchable_units(backbone).items():
            if (weight := tensors.get(f"{name}.weight")) is not None and not one_bit_only:
                unit.start_from(weight.to(next(unit.parameters()).device))
        for name, source in sources.items():
            own[name].copy_(tensors[source])
    used = set(sources.values())
    if not one_bit_only:
        for name in searchable_units(backbone):
            used |= {f"{name}.weight", *_searched(name, found)}
    remaining = [name for name in own if name not in sources and not is_counter(name)]
    return LoadReport(
        loaded=tuple(name for name in sources if not is_counter(name)),
        missing=(),
        own=() if one_bit_only else tuple(remaining),
        unused=tuple(found.named(name) for name in found.tensors if name not in used and not is_counter(name)),
    )


def _sources(backbone: nn.Module, found: TrainedBackbone) -> dict[str, str]:
    """By name of a tensor of the backbone, the one that it takes."""
    tensors = found.tensors
    names = {name: name for name in backbone.state_dict() if name in tensors}
    for name, unit in searchable_units(backbone).items():
        method = found.methods.get(name, REAL)
        if unit.one_bit_weight is not None:
            names[f"{name}.one_bit_weight"] = f"{name}.weight"
        for other in unit.alternatives:
            if other == method or is_binary(other) != is_binary(method):
                continue
            here, there = (f"{name}.alternatives.{one}." for one in (other, method))
            for key in unit.alternatives[other].state_dict():
                if f"{there}{key}" in tensors and (is_binary(other) or key.startswith("bn.")):
                    names[f"{here}{key}"] = f"{there}{key}"
    return names


def _one_bit(backbone: nn.Module, found: TrainedBackbone) -> set[str]:
    """The tensors that 1-bit methods alone compute with, of units that are 1-bit in the trained backbone."""
    names: set[str] = set()
    for name, unit in searchable_units(backbone).items():
        if not is_binary(found.methods.get(name, REAL)):
            continue
        names.add(f"{name}.one_bit_weight")
        for method, alternative in unit.alternatives.items():
            if is_binary(method):
                names |= {f"{name}.alternatives.{method}.{key}" for key in alternative.state_dict()}
    return names


def _check(own: Mapping[str, Tensor], sources: Mapping[str, str], found: TrainedBackbone) -> None:
    """Raise ValueError for what makes it another backbone's."""
    tensors = found.tensors
    shared = [name for name in own if ".alternatives." not in name and not is_counter(name)]
    lacking = [name for name in shared if name not in sources]
    if lacking:
        raise ValueError(
            f"It is {found.title}, and lacks {len(lacking)} of the {len(shared)} tensors that the layers of the "
            f"backbone share: {first_names(lacking)}. Give weights of this backbone."
        )
    for name, source in sources.items():
        if own[name].is_floating_point() and not tensors[source].is_floating_point():
            raise ValueError(f"Its tensor {found.named(source)} holds whole numbers: weights must be real numbers.")
    for name in shared:
        here, there = own[name].shape, tensors[sources[name]].shape
        if here != there:
            raise ValueError(
                f"It is {found.title}, and its tensor {found.named(sources[name])} is {tuple(there)}, the backbone's "
                f"{tuple(here)}. Give weights of this backbone and width."
            )


def _searched(unit: str, found: TrainedBackbone) -> tuple[str, str]:
    """The names of a unit's logits and learned scale, from which its weight was made where its signs were searched."""
    inside = f"{unit}.alternatives.{found.methods.get(unit, REAL)}"
    return f"{inside}.logits", f"{inside}.scale"
