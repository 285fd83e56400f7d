"""From a config to what the other packages take: the detector's description, the units' choices, the space."""

import torch

from search.config import Config, ConfigError
from search.plan.sources import class_names
from spaces.candidate import Candidate, Taught
from spaces.detectors import DetectorSpec, build_detector, openable, searchable_units
from spaces.space import Knob, SearchSpace, weight_grid
from spaces.supernet import covers
from trainers.distill import TERMS

LEVELS_UP = {"layer": 0, "block": 1, "stage": 2}
"""How many names of a unit, such as backbone.layer1.0.conv1, are left out by each granularity."""


def student_spec(config: Config, num_classes: int) -> DetectorSpec:
    """The detector that is searched."""
    student = config.student
    return DetectorSpec(
        detector=student.detector,
        num_classes=num_classes,
        image_size=config.data.image_size,
        width=student.width,
        heads=student.heads,
    )


def teacher_spec(config: Config, name: str, num_classes: int) -> DetectorSpec:
    """A teacher of the pool: the student's own shape where its config says nothing else."""
    teacher, student = config.teachers[name], config.student
    return DetectorSpec(
        detector=teacher.detector or student.detector,
        num_classes=num_classes,
        image_size=config.data.image_size,
        width=teacher.width or student.width,
        heads=teacher.heads or student.heads,
    )


def layer_roots(spec: DetectorSpec) -> tuple[str, ...]:
    """The outermost modules that hold searchable units: together they name every one."""
    with torch.device("meta"):
        units = searchable_units(build_detector(spec, lambda _: ("real",)))
    return tuple(dict.fromkeys(unit.partition(".")[0] for unit in units))


def fixed_candidate(config: Config) -> Candidate:
    """The candidate that a config's `train` section names."""
    train, layers = config.train, config.train.layers
    if isinstance(layers, str):
        layers = dict.fromkeys(layer_roots(student_spec(config, len(class_names(config)))), layers)
    return Candidate.of(layers, {name: Taught(term.teacher, term.weight) for name, term in train.terms.items()})


def layer_choices(config: Config, spec: DetectorSpec) -> dict[str, tuple[str, ...]]:
    """Per knob prefix the methods it may choose: every unit is reached by one, but for those that `keep_real` covers.

    A unit that is kept real inside a block whose others are searched gets a knob of its own with that one choice. What
    `open` opens has a knob for each convolution, by its exact name, whatever the granularity. Raises ConfigError for an
    entry of `keep_real` that covers no unit, and when nothing is left to search.
    """
    with torch.device("meta"):
        network = build_detector(spec, lambda _: ("real",))
    units = list(searchable_units(network))
    layers = config.space.layers
    for prefix in layers.keep_real:
        if not any(covers(prefix, unit) for unit in units):
            raise ConfigError(
                f"space.layers.keep_real names {prefix!r}, but no searchable layer of {spec.detector} is called so. "
                f"There are: {', '.join(units)}."
            )
    kept = {unit for unit in units if any(covers(prefix, unit) for prefix in layers.keep_real)}
    choices: dict[str, tuple[str, ...]] = {}
    for unit in units:
        if unit not in kept:
            choices[_prefix(unit, config.space.granularity)] = tuple(layers.methods)
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


def build_space(config: Config, spec: DetectorSpec) -> SearchSpace:
    """Layer knobs in the order of the network, then a teacher and a weight knob for each distillation term."""
    knobs = [Knob(f"layer/{prefix}", methods) for prefix, methods in layer_choices(config, spec).items()]
    for term, choice in config.space.terms.items():
        knobs.append(Knob(f"teacher/{term}", tuple(choice.teachers)))
        knobs.append(Knob(f"weight/{term}", weight_grid(*choice.weight)))
    compared = {name: TERMS[name] for name in config.space.terms if TERMS[name].compares_layers}
    layer_terms = {name: term.acts_on for name, term in compared.items()}
    return SearchSpace(knobs, layer_terms=layer_terms)


def _prefix(unit: str, granularity: str) -> str:
    names = unit.split(".")
    return ".".join(names[: len(names) - LEVELS_UP[granularity]])
