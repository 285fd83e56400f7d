"""Starting a network from a trained one of the same shape whose layers are of other methods."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from spaces.detectors import searchable_units
from spaces.layers import OpenedLinear, SearchableUnit
from spaces.layers.alternative import Alternative
from spaces.layers.binary_unit import DBS, Binary

LEAST_MEAN = 1e-12


@dataclass(frozen=True)
class StartReport:
    """Of a network's tensors those that were taken from a trained one, and the others: they follow from its weights, as
    searched signs do, or begin as in any new network."""

    taken: tuple[str, ...]
    others: tuple[str, ...]


def start_from_trained(network: nn.Module, trained: nn.Module) -> StartReport:
    """Copy into `network` all of `trained` that has a place in it, see `tensors_of_start`.

    Both have one method in each unit, and lie on one device. What alternatives derive from a real weight, and isn't
    taken, is derived.
    """
    found = tensors_of_start(network, trained)
    own = network.state_dict()
    with torch.no_grad():
        for name, unit in searchable_units(network).items():
            if (weight := _weight_for(name, unit, trained)) is not None:
                unit.start_from(weight)
        for name, tensor in found.items():
            own[name].copy_(tensor)
    return StartReport(tuple(found), tuple(name for name in own if name not in found))


def tensors_of_start(network: nn.Module, trained: nn.Module) -> dict[str, Tensor]:
    """By name of a tensor of `network` what it starts from.

    That is the tensor of the same name, which all have that lie outside of alternatives, and besides:

    - a unit's weight from one that owns its weight, or binarizes another than the unit's, see `real_weight`;
    - of another 1-bit method each part of the same name and shape: BatchNorm, thresholds, PReLU, learned scale, logits;
    - of another method of several bits, the real one among them, the BatchNorm. Their ranges and steps begin anew.

    From several bits to one and back a unit's weight is taken alone: the products have other means and variances.
    Raises ValueError if `trained` is no network of this shape. `network` may lie on the meta device.
    """
    own, state = network.state_dict(), trained.state_dict()
    found = {name: state[name] for name in own if name in state}
    units, before = searchable_units(network), searchable_units(trained)
    for name in before:
        if f"{name}.weight" in own:
            found[f"{name}.weight"] = cast(Tensor, _weight_for(name, units.get(name), trained))
    for name in units.keys() & before.keys():
        found |= _parts(name, units[name], before[name], own, state)
    missing = [name for name in own if name not in found and ".alternatives." not in name]
    missing += [name for name, tensor in found.items() if tensor.shape != own[name].shape]
    if missing:
        raise ValueError(f"{len(missing)} tensors of the network are missing or of another shape, such as {missing[0]}")
    return {name: found[name] for name in own if name in found}


def real_weight(unit: SearchableUnit, start_of: Alternative | None = None) -> Tensor:
    """The real weight that stands for what a unit of one method has learnt, in the shape of a real layer's.

    It is the latent weight as its sign is taken of it: with a learned bias a channel added, without its channel's mean.
    start_of: what starts from it; an alternative that makes the same of its latent weight takes that as it is. Searched
    signs and a sine have no weight of a real layer's size: theirs has the sign and the order of magnitudes of each
    channel's logits or sines d and as its mean magnitude the learned scale a, w = |a| d / mean |d|, from which
    `Alternative.start_from` would make the same.
    """
    alternative = cast(Alternative, unit.alternatives[unit.active])
    if isinstance(alternative, DBS):
        weight = _of_mean(alternative.logits.detach(), alternative.scale)
        return weight.flatten(1) if isinstance(unit, OpenedLinear) else weight
    latent = cast(Tensor, unit.latent_weight).detach()
    if not isinstance(alternative, Binary):
        return latent
    if isinstance(start_of, Binary) and start_of.sees == alternative.sees:
        return latent
    with torch.no_grad():
        weight = alternative.seen(latent.reshape(unit.shape.weight))
    return (_of_mean(weight, alternative.scale) if alternative.weights == "periodic" else weight).reshape(latent.shape)


def _of_mean(values: Tensor, scale: Tensor | None) -> Tensor:
    """Each channel's values (Co, Ci, k, k), of which the mean magnitude is the learned scale's (Co,)."""
    mean = values.abs().mean((1, 2, 3)).clamp(min=LEAST_MEAN)
    return values * (cast(Tensor, scale).detach().abs() / mean).view(-1, 1, 1, 1)


def _weight_for(name: str, unit: SearchableUnit | None, trained: nn.Module) -> Tensor | None:
    """The real weight that a unit of this name starts from; None where it needs none or the other network lacks it.

    unit: None for a layer that isn't opened here.
    """
    before = searchable_units(trained).get(name)
    if before is None:
        return trained.state_dict().get(f"{name}.weight")
    return real_weight(before, None if unit is None else cast(Alternative, unit.alternatives[unit.active]))


def _parts(
    name: str, unit: SearchableUnit, before: SearchableUnit, own: Mapping[str, Tensor], state: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """What a unit's alternative takes from another method's: see `tensors_of_start`."""
    if unit.is_binary != before.is_binary:
        return {}
    here, there = (f"{name}.alternatives.{one.active}." for one in (unit, before))
    pairs = {key: f"{there}{key.removeprefix(here)}" for key in own if key.startswith(here)}
    if not unit.is_binary:
        pairs = {key: source for key, source in pairs.items() if key.startswith(f"{here}bn.")}
    return {
        key: state[source] for key, source in pairs.items() if source in state and state[source].shape == own[key].shape
    }
