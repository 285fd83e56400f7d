"""Starting a network from trained layers of the same shape that are of other methods."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from spaces.detectors import searchable_units
from spaces.layers import REAL, OpenedLinear, SearchableUnit, UnitShape, is_binary
from spaces.layers.alternative import Alternative
from spaces.layers.binary_unit import Binary
from spaces.layers.latent import seen, sees
from spaces.layers.methods import weights_of
from spaces.layers.searched_unit import DBS

LEAST_MEAN = 1e-12


@dataclass(frozen=True)
class Start:
    """What a network takes of trained tensors, and what keeps it from it. See `start_of`.

    taken: by name of a tensor of the network, what it becomes. weights: by name of a unit, the real weight from which
    its alternatives derive what isn't taken. used: the names of the trained tensors that one of the two is made from.

    lacking: the network's tensors outside of alternatives without a trained one. misfits: those whose trained one is of
    another shape, each with the name of that one. whole: the trained tensors of whole numbers that would become real
    numbers. A start with one of these is refused.
    """

    taken: Mapping[str, Tensor]
    weights: Mapping[str, Tensor]
    used: Set[str]
    lacking: tuple[str, ...]
    misfits: Mapping[str, str]
    whole: tuple[str, ...]

    def apply(self, network: nn.Module) -> None:
        """Derive what alternatives derive from a weight, and copy what is taken."""
        own = network.state_dict()
        with torch.no_grad():
            for name, unit in searchable_units(network).items():
                if name in self.weights:
                    unit.start_from(self._weight(name, unit))
            for name, tensor in self.taken.items():
                own[name].copy_(tensor)

    def apply_to_one_bit(self, network: nn.Module, units: Iterable[str]) -> tuple[str, ...]:
        """The same of what 1-bit methods alone compute with, in these units; returns the names of what was copied."""
        own, found = network.state_dict(), searchable_units(network)
        copied: list[str] = []
        with torch.no_grad():
            for name in units:
                unit, keys = found[name], ["weight" if found[name].shares_one_bit_weight else "one_bit_weight"]
                for method, alternative in unit.alternatives.items():
                    if is_binary(method):
                        cast(Alternative, alternative).start_from(self._weight(name, unit).reshape(unit.shape.weight))
                        keys += [f"alternatives.{method}.{key}" for key in alternative.state_dict()]
                copied += [one for key in keys if (one := f"{name}.{key}") in self.taken]
            for name in copied:
                own[name].copy_(self.taken[name])
        return tuple(copied)

    def _weight(self, name: str, unit: SearchableUnit) -> Tensor:
        return self.weights[name].to(next(unit.parameters()).device)


@dataclass(frozen=True)
class StartReport:
    """Of a network's tensors those that were taken from a trained one, and the others: they follow from its weights, as
    searched signs do, or begin as in any new network."""

    taken: tuple[str, ...]
    others: tuple[str, ...]


def start_from_trained(network: nn.Module, trained: nn.Module) -> StartReport:
    """Copy into `network` all of `trained` that has a place in it, see `start_of`, and derive the rest.

    Raises ValueError if `trained` is no network of this shape; then nothing is copied.
    """
    start = checked_start(network, trained)
    start.apply(network)
    return StartReport(tuple(start.taken), tuple(name for name in network.state_dict() if name not in start.taken))


def checked_start(network: nn.Module, trained: nn.Module) -> Start:
    """What `network` takes of `trained`, which has one method in each unit. `network` may lie on the meta device.

    Raises ValueError if `trained` is no network of this shape.
    """
    start = start_of(network, *learnt(trained))
    if missing := [*start.lacking, *start.misfits]:
        raise ValueError(f"{len(missing)} tensors of the network are missing or of another shape, such as {missing[0]}")
    return start


def learnt(trained: nn.Module) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a trained network, in which each unit has its learnt weight, and the methods of its units."""
    units = searchable_units(trained)
    weights = {f"{name}.weight": _learnt_weight(unit) for name, unit in units.items()}
    return {**trained.state_dict(), **weights}, {name: unit.active for name, unit in units.items()}


def start_of(network: nn.Module, tensors: Mapping[str, Tensor], methods: Mapping[str, str]) -> Start:
    """What a network, or a supernet, takes of trained tensors.

    tensors: under the network's names, with the real weight of each unit as `NAME.weight`, see `learnt`. methods: those
    of the trained units by name; those that aren't in it are real. That is each tensor of the same name, which all have
    that lie outside of alternatives, and besides:

    - a unit's weight for one that 1-bit methods have apart; as the trained method takes its sign, such as with the bias
      that it adds (`lcb`), where the unit has no method that does the same;
    - of another 1-bit method each part of the same name: BatchNorm, thresholds, PReLU, learned scale, logits;
    - of another method of several bits, the real one among them, the BatchNorm. Their ranges and steps begin anew.

    From several bits to one and back a unit's weight is taken alone: the products have other means and variances. A
    part of another shape than the trained one begins anew.
    """
    own, units = network.state_dict(), searchable_units(network)
    sources, weights, used = {name: name for name in own if name in tensors}, {}, set()
    for name in {**dict.fromkeys(units), **dict.fromkeys(methods)}:
        if f"{name}.weight" not in tensors:
            continue
        weights[name], made_from = _weight(name, units.get(name), methods.get(name, REAL), tensors)
        used |= made_from
        sources |= {key: f"{name}.weight" for key in (f"{name}.weight", f"{name}.one_bit_weight") if key in own}
    for name, unit in units.items():
        sources |= _parts(name, unit, methods.get(name, REAL), tensors)
    found = {name: weights.get(source.removesuffix(".weight"), tensors[source]) for name, source in sources.items()}
    fits = {name: found[name] for name in own if name in found and found[name].shape == own[name].shape}
    outside = [name for name in own if ".alternatives." not in name and not name.endswith(".num_batches_tracked")]
    real = {name for name, tensor in own.items() if tensor.is_floating_point()}
    return Start(
        taken=fits,
        weights=weights,
        used=used | {sources[name] for name in fits},
        lacking=tuple(name for name in outside if name not in found),
        misfits={name: sources[name] for name in outside if name in found and name not in fits},
        whole=tuple(sources[name] for name in found if name in real and not tensors[sources[name]].is_floating_point()),
    )


def real_weight(unit: SearchableUnit) -> Tensor:
    """The real weight that stands for what a unit of one method has learnt, in the shape of a real layer's.

    It is the latent weight as its sign is taken of it: with a learned bias a channel added, without its channel's mean.
    Searched signs and a sine have no weight of a real layer's size: theirs has the sign and the order of magnitudes of
    each channel's logits or sines d and as its mean magnitude the learned scale a, w = |a| d / mean |d|, from which
    `Alternative.start_from` would make the same.
    """
    state = {f"unit.{name}": tensor for name, tensor in unit.state_dict().items()}
    return _weight("unit", None, unit.active, state | {"unit.weight": _learnt_weight(unit)})[0]


def _learnt_weight(unit: SearchableUnit) -> Tensor:
    """The latent weight, or what stands for it where signs are searched."""
    alternative = cast(Alternative, unit.alternatives[unit.active])
    if not isinstance(alternative, DBS):
        return cast(Tensor, unit.latent_weight).detach()
    weight = _of_mean(alternative.logits.detach(), cast(Tensor, alternative.scale).detach())
    return weight.flatten(1) if isinstance(unit, OpenedLinear) else weight


def _of_mean(values: Tensor, scale: Tensor) -> Tensor:
    """Each channel's values (Co, Ci, k, k), of which the mean magnitude is the learned scale's (Co,)."""
    mean = values.abs().mean((1, 2, 3)).clamp(min=LEAST_MEAN)
    return values * (scale.abs() / mean).view(-1, 1, 1, 1)


def _weight(
    name: str, unit: SearchableUnit | None, method: str, tensors: Mapping[str, Tensor]
) -> tuple[Tensor, set[str]]:
    """The real weight that a unit of this name starts from, and the names of the trained tensors that it is made from.

    unit: None for a layer that isn't opened in the network, or one that makes nothing of a weight before its sign.
    method: the trained one. The weight is that of which it takes the sign, but as it is for a unit with an alternative
    that makes the same of it.
    """
    weight, names, inside = tensors[f"{name}.weight"], {f"{name}.weight"}, f"{name}.alternatives.{method}"
    if f"{inside}.logits" in tensors:
        names |= {f"{inside}.logits", f"{inside}.scale"}
    shift, rule = tensors.get(f"{inside}.weight_shift.bias"), weights_of(method)
    here = [] if unit is None else unit.alternatives.values()
    if any(isinstance(one, Binary) and one.sees == sees(shift is not None, rule) for one in here):
        return weight, names
    if shift is not None:
        weight, names = weight + shift.view(-1, *(1,) * (weight.ndim - 1)), names | {f"{inside}.weight_shift.bias"}
    kernels = weight if weight.ndim == 4 else weight[..., None, None]
    shape = UnitShape(kernels.shape[1], kernels.shape[0], kernels.shape[-1])
    signed = seen(kernels, rule, shape)
    if rule == "periodic":
        signed, names = _of_mean(signed, tensors[f"{inside}.scale"]), names | {f"{inside}.scale"}
    return signed.reshape(weight.shape), names


def _parts(name: str, unit: SearchableUnit, method: str, tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """By name of a tensor of a unit's alternatives, that of another trained `method` which it takes: see `start_of`."""
    taken: dict[str, str] = {}
    for own, alternative in unit.alternatives.items():
        if own == method or is_binary(own) != is_binary(method):
            continue
        here, there = (f"{name}.alternatives.{one}." for one in (own, method))
        keys = [key for key in alternative.state_dict() if is_binary(own) or key.startswith("bn.")]
        taken |= {f"{here}{key}": f"{there}{key}" for key in keys if f"{there}{key}" in tensors}
    return taken
