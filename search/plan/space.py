"""From the `space` section of a config to the knobs of a search."""

from collections.abc import Mapping

import torch

from search.config import ConfigError
from search.config.schema import Space, Term
from spaces.detectors import DetectorSpec, build_detector, openable, searchable_units
from spaces.space import Knob, SearchSpace, weight_grid
from spaces.supernet import covers
from trainers.distill import TERMS

LEVELS_UP = {"layer": 0, "block": 1, "stage": 2}
"""How many names of a unit, such as backbone.layer1.0.conv1, are left out by each granularity."""

Choices = dict[str, tuple[str, ...]]
"""The methods by layer, or by a prefix of layers."""


def layer_choices(space: Space, spec: DetectorSpec) -> Choices:
    """Per knob prefix the methods it may choose: every unit is reached by one, but for those that `keep_real` covers.

    A unit that is kept real inside a block whose others are searched gets a knob of its own with that one choice. What
    `open` opens has a knob for each convolution, by its exact name, whatever the granularity. Raises ConfigError for an
    entry of `keep_real` that covers no unit, and when nothing is left to search.
    """
    with torch.device("meta"):
        network = build_detector(spec, lambda _: ("real",))
    units = list(searchable_units(network))
    layers = space.layers
    for prefix in layers.keep_real:
        if not any(covers(prefix, unit) for unit in units):
            raise ConfigError(
                f"space.layers.keep_real names {prefix!r}, but no searchable layer of {spec.detector} is called so. "
                f"There are: {', '.join(units)}."
            )
    kept = {unit for unit in units if any(covers(prefix, unit) for prefix in layers.keep_real)}
    choices: Choices = {}
    for unit in units:
        if unit not in kept:
            choices[_prefix(unit, space.granularity)] = tuple(layers.methods)
    if not choices:
        raise ConfigError("space.layers.keep_real covers every searchable layer: nothing is left to search.")
    for unit in units:
        if unit in kept and any(covers(prefix, unit) for prefix in choices):
            choices[unit] = ("real",)
    opened = openable(network)
    for part in layers.open:
        if not opened[part]:
            raise ConfigError(f"space.layers.open.{part}: {spec.detector} has no {part} with weights of their own.")
    return choices | {name: tuple(methods) for part, methods in layers.open.items() for name in opened[part]}


def build_space(choices: Choices, terms: Mapping[str, Term]) -> SearchSpace:
    """A knob for each entry of `choices`, then a teacher and a weight knob for each distillation term."""
    knobs = [Knob(f"layer/{prefix}", methods) for prefix, methods in choices.items()]
    for name, term in terms.items():
        knobs.append(Knob(f"teacher/{name}", tuple(term.teachers)))
        knobs.append(Knob(f"weight/{name}", weight_grid(*term.weight)))
    layer_terms = {name: TERMS[name].acts_on for name in terms if TERMS[name].compares_layers}
    return SearchSpace(knobs, layer_terms=layer_terms)


def _prefix(unit: str, granularity: str) -> str:
    names = unit.split(".")
    return ".".join(names[: len(names) - LEVELS_UP[granularity]])
