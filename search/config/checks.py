"""What a config's values must have to do with each other, and with what the other packages offer."""

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from search.config.check_enqueued import enqueued_candidates
from search.config.check_methods import is_method, methods_exist
from search.config.check_terms import searched_terms, taught_by_ensemble, trained_terms
from search.config.names import Problem, known, unknown, without_repetition
from search.config.schema import TWIN, Config, Supernet
from search.controller.objectives import BUDGETS, OBJECTIVES
from search.controller.samplers import SAMPLERS
from spaces.candidate import ID_LENGTH, NO_TEACHER
from spaces.detectors import DETECTORS
from spaces.published.names import NAMES, published_model
from trainers.data.download import BY_HAND
from trainers.distill import TERMS
from trainers.distill.ensemble import ENSEMBLE
from trainers.evaluate.figures import SCORED

RESERVED_TEACHERS = (NO_TEACHER, ENSEMBLE)
SEARCHED_SIGNS = "dbs"
TEACHER_WEIGHTS = "a .safetensors file, a state dict"


def problems(config: Config) -> list[Problem]:
    """All that is wrong with a config whose keys and types are right.

    Candidates are held against a space with which nothing is wrong: else its mistakes would be told of them again.
    """
    parts = (_data, _student_and_teachers, _ensemble, _space, _search, _train)
    found = {part: list(part(config)) for part in parts}
    return [*chain(*found.values()), *([] if found[_space] else enqueued_candidates(config))]


def _data(config: Config) -> Iterator[Problem]:
    yield from _image_size(config)
    yield from _format(config)
    if config.data.classes is not None:
        yield from without_repetition("data.classes", config.data.classes)
    sets = {"train": config.data.train, "val": config.data.val, "test": config.data.test}
    for key, name in sets.items():
        first = next(one for one in sets if sets[one] == name)
        if first != key:
            yield f"data.{key}", f"is {name!r}, as data.{first}; the three sets may share no image."


def _format(config: Config) -> Iterator[Problem]:
    data = config.data
    if data.download and data.format != "voc":
        yield "data.download", f"is true, but only VOC can be downloaded. {BY_HAND[data.format]}."
    if data.classes is not None and data.format == "visdrone":
        yield "data.classes", "is given, but VisDrone's ten classes are fixed; leave it out."


def _image_size(config: Config) -> Iterator[Problem]:
    """Every detector of the run sees images of one size."""
    size = config.data.image_size
    others = [one.detector for name, one in config.teachers.items() if name != TWIN]  # the twin has the student's
    named = [name for name in dict.fromkeys([config.student.detector, *others]) if name in DETECTORS]
    ranges = {name: DETECTORS[name].sizes for name in named}
    refused = [f"{name} takes {low} to {high}" for name, (low, high) in ranges.items() if not low <= size <= high]
    if refused:
        yield "data.image_size", f"is {size}, but {', '.join(refused)} pixels."


def _student_and_teachers(config: Config) -> Iterator[Problem]:
    student = config.student
    yield from known("student.detector", [student.detector], DETECTORS)
    yield from _heads("student", student.detector, student.heads)
    kind = "a state dict that torch.save wrote"
    yield from _weights("student.weights", student.weights, student.detector, student.width, kind)
    for name in config.teachers:
        yield from _twin(config) if name == TWIN else _teacher(config, name)


def _teacher(config: Config, name: str) -> Iterator[Problem]:
    """One of the pool. Where it is the student's shape, what is wrong with that is told there."""
    key, teacher, student = f"teachers.{name}", config.teachers[name], config.student
    if name in RESERVED_TEACHERS:
        yield key, f"is a reserved name; a teacher may not be called {' or '.join(RESERVED_TEACHERS)}."
    if teacher.detector is not None:
        yield from known(f"{key}.detector", [teacher.detector], DETECTORS)
    detector, heads = teacher.detector or student.detector, teacher.heads or student.heads
    if (detector, heads) != (student.detector, student.heads):
        yield from _heads(key, detector, heads)
    yield from _weights(f"{key}.weights", teacher.weights, detector, teacher.width or student.width, TEACHER_WEIGHTS)


def _twin(config: Config) -> Iterator[Problem]:
    key, twin, student = f"teachers.{TWIN}", config.teachers[TWIN], config.student
    for part in ("detector", "width", "heads"):
        value = getattr(twin, part)
        if value is not None:
            reason = "the twin has the student's; leave it out, or give the teacher another name"
            yield f"{key}.{part}", f"is {value!r}, but {reason}."
    yield from _weights(f"{key}.weights", twin.weights, student.detector, student.width, TEACHER_WEIGHTS)


def _heads(key: str, detector: str, heads: str) -> Iterator[Problem]:
    allowed = DETECTORS[detector].heads if detector in DETECTORS else (heads,)
    if heads not in allowed:
        yield f"{key}.heads", f"is {heads!r}, but {detector} can only have {' or '.join(map(repr, allowed))}."


def _space(config: Config) -> Iterator[Problem]:
    yield from methods_exist("space.layers.methods", config.space.layers.methods)
    yield from without_repetition("space.layers.methods", config.space.layers.methods)
    for part, methods in config.space.layers.open.items():
        yield from methods_exist(f"space.layers.open.{part}", methods)
        yield from without_repetition(f"space.layers.open.{part}", methods)
    yield from _search_losses(config)
    yield from searched_terms(config)


def _search_losses(config: Config) -> Iterator[Problem]:
    key, losses = "supernet.search_losses", config.supernet.search_losses
    layer_terms = [term for term in TERMS if TERMS[term].compares_layers]
    for name in losses:
        if name not in layer_terms:
            text = f"No distillation term that compares layers is called so: {unknown(name, layer_terms)}"
            yield f"{key}.{name}", text
    methods = [*config.space.layers.methods, *chain(*config.space.layers.open.values())]
    searched = any(not is_method(name) or name.partition("+")[0] == SEARCHED_SIGNS for name in methods)
    if losses and losses != Supernet().search_losses and set(losses) <= set(layer_terms) and not searched:
        reason = f"has no effect: no method of space.layers is {SEARCHED_SIGNS!r}, whose signs they train"
        yield key, f"{reason}. Take it out, or add the method."


def _ensemble(config: Config) -> Iterator[Problem]:
    members = config.ensemble.members or ()
    for name in members:
        if name not in config.teachers:
            yield "ensemble.members", unknown(name, config.teachers)
    yield from without_repetition("ensemble.members", members)
    alone = set(members) <= set(config.teachers) and len(members or config.teachers) < 2
    if alone and taught_by_ensemble(config):
        yield "ensemble.members", "must be two or more where a term is taught by `ensemble`: add teachers."


def _train(config: Config) -> Iterator[Problem]:
    layers = config.train.layers
    methods = [layers] if isinstance(layers, str) else list(layers.values())
    yield from methods_exist("train.layers", methods)
    if not isinstance(layers, str) and "" in layers:
        yield "train.layers", "names a layer '', must be names of modules, such as backbone."
    yield from trained_terms(config, methods)


def _search(config: Config) -> Iterator[Problem]:
    yield from known("search.sampler", [config.search.sampler], SAMPLERS)
    yield from _objectives(config)
    yield from known("search.constraints", list(config.search.constraints), BUDGETS)
    pick = config.retrain.pick
    if pick not in (None, "knee") and not re.fullmatch(rf"[0-9a-f]{{{ID_LENGTH}}}", str(pick)):
        yield "retrain.pick", f"is {pick!r}, must be knee, null or a candidate's id of {ID_LENGTH} hex digits."


def _objectives(config: Config) -> Iterator[Problem]:
    """A cost, or an accuracy that a score on data of this format has."""
    key, form = "search.objectives", config.data.format
    measured = SCORED["voc" if form == "shapes" else form]
    allowed = [name for name, direction in OBJECTIVES.items() if direction == "minimize" or name in measured]
    for name in config.search.objectives:
        if name not in OBJECTIVES:
            yield key, unknown(name, allowed)
        elif name not in allowed:
            yield key, f"{name!r} is not measured on {form} data; measured are {', '.join(measured)}."
    yield from without_repetition(key, config.search.objectives)


def _weights(key: str, path: str | None, detector: str, width: float, kind: str) -> Iterator[Problem]:
    if path in NAMES:
        if detector in DETECTORS and published_model(detector, path) is None:
            yield key, f"is {path!r}, but none are published for {detector}. Give {kind}, or null."
        elif width != 1:
            yield key, f"is {path!r}, but only a width of 1 has such weights; it is {width:g}. Give {kind}, or null."
    elif path is not None and not Path(path).is_file():
        names = " or ".join(NAMES)
        yield key, f"is {path!r}, but there is no such file. Give {kind}, {names}, or null to start from scratch."
