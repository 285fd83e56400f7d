"""From the `space` section of a config to the knobs of a search."""

from collections.abc import Iterable, Mapping
from itertools import chain

from search.config import ConfigError
from search.config.schema import ALL, Layers, Space, Term
from spaces.candidate import method_of
from spaces.detectors import DetectorSpec, Openable, build_detector, openable, searchable_units
from spaces.layers import REAL
from spaces.lookup import did_you_mean
from spaces.space import Knob, SearchSpace, weight_grid
from spaces.supernet import covers, prefixes
from spaces.without_values import without_values
from trainers.distill import TERMS

LEVELS_UP = {"layer": 0, "block": 1, "stage": 2}
"""How many names of a unit, such as backbone.layer1.0.conv1, are left out by each granularity."""

Choices = dict[str, tuple[str, ...]]
"""The methods by layer, by a prefix of layers, or by a group of opened layers."""


def layer_choices(space: Space, spec: DetectorSpec) -> Choices:
    """Per knob the methods it may choose: every unit is reached by one, but for those that `keep_real` covers.

    A unit that is kept real inside a block whose others are searched gets a knob of its own with that one choice. What
    `open` opens has a knob for each group, or for each layer by its exact name, whatever the granularity. Raises
    ConfigError for an entry of `keep_real` or `open` that the detector doesn't have, and when nothing is left to
    search.
    """
    with without_values():
        network = build_detector(spec, lambda _: (REAL,))
    units, groups = list(searchable_units(network)), openable(network)
    _check_kept(space.layers.keep_real, units, groups, spec)
    _check_opened(space.layers.open, groups, spec)
    return _unit_choices(space, units) | _opened_choices(space.layers, groups)


def build_space(choices: Choices, terms: Mapping[str, Term]) -> SearchSpace:
    """A knob for each entry of `choices`, then a teacher and a weight knob for each distillation term."""
    knobs = [Knob(f"layer/{prefix}", methods) for prefix, methods in choices.items()]
    for name, term in terms.items():
        knobs.append(Knob(f"teacher/{name}", tuple(term.teachers)))
        knobs.append(Knob(f"weight/{name}", weight_grid(*term.weight)))
    layer_terms = {name: TERMS[name].acts_on for name in terms if TERMS[name].compares_layers}
    return SearchSpace(knobs, layer_terms=layer_terms)


def _unit_choices(space: Space, units: Iterable[str]) -> Choices:
    layers = space.layers
    kept = {unit for unit in units if any(covers(prefix, unit) for prefix in layers.keep_real)}
    choices: Choices = {}
    for unit in units:
        if unit not in kept:
            choices[_prefix(unit, space.granularity)] = tuple(layers.methods)
    if not choices:
        raise ConfigError("space.layers.keep_real covers every searchable layer: nothing is left to search.")
    for unit in units:
        if unit in kept and any(covers(prefix, unit) for prefix in choices):
            choices[unit] = (REAL,)
    return choices


def _opened_choices(layers: Layers, groups: Openable) -> Choices:
    """The methods of what is opened: groups in the detector's order, each followed by layers that differ from it."""
    choices: Choices = {}
    for group, names in groups.items():
        offered = None if _is_kept(group, layers) else method_of(group, layers.open) or layers.open.get(ALL)
        own = {name: _own_methods(name, layers, offered) for name in names}
        if layers.open_by == "layer":
            choices |= {name: methods for name, methods in own.items() if methods}
            continue
        if offered and any(methods == offered for methods in own.values()):
            choices[group] = offered
        choices |= {name: methods for name, methods in own.items() if methods and methods != offered}
    return choices


def _is_kept(group: str, layers: Layers) -> bool:
    """Whether a group stays closed: the longer name wins where `keep_real` and `open` both have one for it."""
    kept, opened = (
        max((len(one) for one in names if covers(one, group)), default=-1) for names in (layers.keep_real, layers.open)
    )
    return kept >= 0 and kept >= opened


def _own_methods(name: str, layers: Layers, offered: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """What the config gives to a single layer by its exact name, or else what its group is offered."""
    if name in layers.keep_real:
        return (REAL,) if offered else None
    return layers.open.get(name, offered)


def _check_kept(kept: Iterable[str], units: Iterable[str], groups: Openable, spec: DetectorSpec) -> None:
    opened = _names(groups)
    for prefix in kept:
        if prefix not in opened and not any(covers(prefix, unit) for unit in units):
            raise ConfigError(
                f"space.layers.keep_real names {prefix!r}, but no searchable layer of {spec.detector} is called so. "
                f"There are: {', '.join(units)}; and of what space.layers.open opens {', '.join(groups)}."
            )


def _check_opened(named: Iterable[str], groups: Openable, spec: DetectorSpec) -> None:
    known = [ALL, *_names(groups)]
    for name in named:
        if name not in known:
            raise ConfigError(
                f"space.layers.open.{name}: {spec.detector} has nothing of this name to open."
                f"{did_you_mean(name, known)} There are: {ALL}, {', '.join(groups)}, and single layers by their exact "
                f"names, such as {groups['stem'][0]}."
            )


def _names(groups: Openable) -> list[str]:
    """Parts, groups and single layers."""
    return [*dict.fromkeys(chain(*map(prefixes, groups), *groups.values()))]


def _prefix(unit: str, granularity: str) -> str:
    names = unit.split(".")
    return ".".join(names[: len(names) - LEVELS_UP[granularity]])
