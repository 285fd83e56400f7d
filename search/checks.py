"""What a config's values must have to do with each other, and with what the other packages offer."""

import re
from collections.abc import Iterable, Iterator
from itertools import chain, combinations
from pathlib import Path

from search.check_names import Problem, known, unknown, without_repetition
from search.objectives import BUDGETS, OBJECTIVES
from search.samplers import SAMPLERS
from search.schema import TWIN, Config
from spaces.candidate import ID_LENGTH
from spaces.detectors import DETECTORS
from spaces.layers import METHODS, method
from spaces.published import NAMES, published_model
from spaces.space import NO_TEACHER, weight_grid
from trainers.data.download import BY_HAND
from trainers.distill import TERMS
from trainers.distill.ensemble import ENSEMBLE
from trainers.evaluate.figures import SCORED

RESERVED_TEACHERS = (NO_TEACHER, ENSEMBLE)


def problems(config: Config) -> list[Problem]:
    """All that is wrong with a config whose keys and types are right."""
    parts = (_data, _student_and_teachers, _ensemble, _space, _search, _train)
    return [problem for part in parts for problem in part(config)]


def _data(config: Config) -> Iterator[Problem]:
    yield from _image_size(config)
    yield from _format(config)
    if config.data.classes is not None:
        yield from without_repetition("data.classes", config.data.classes)
    sets = {"train": config.data.train, "val": config.data.val or "", "test": config.data.test}
    for one, other in combinations(sets, 2):
        if sets[one] == sets[other]:
            yield f"data.{other}", f"is {sets[other]!r}, as data.{one}; the three sets may share no image."


def _format(config: Config) -> Iterator[Problem]:
    data = config.data
    if data.download and data.format != "voc":
        yield "data.download", f"is true, but only VOC can be downloaded. {BY_HAND[data.format]}."
    if data.classes is not None and data.format == "visdrone":
        yield "data.classes", "is given, but VisDrone's ten classes are fixed; leave it out."


def _image_size(config: Config) -> Iterator[Problem]:
    """Every detector of the run sees images of one size."""
    size = config.data.image_size
    names = [config.student.detector, *(teacher.detector for teacher in config.teachers.values())]
    for name in dict.fromkeys(name for name in names if name in DETECTORS):
        smallest, largest = DETECTORS[name].sizes
        if not smallest <= size <= largest:
            yield "data.image_size", f"is {size}, but {name} takes {smallest} to {largest} pixels."


def _student_and_teachers(config: Config) -> Iterator[Problem]:
    student = config.student
    yield from known("student.detector", [student.detector], DETECTORS)
    yield from _heads("student", student.detector, student.heads)
    kind = "a state dict that torch.save wrote"
    yield from _weights("student.weights", student.weights, student.detector, student.width, kind)
    for name, teacher in config.teachers.items():
        key = f"teachers.{name}"
        if name in RESERVED_TEACHERS:
            yield key, f"is a reserved name; a teacher may not be called {' or '.join(RESERVED_TEACHERS)}."
        if teacher.detector is not None:
            yield from known(f"{key}.detector", [teacher.detector], DETECTORS)
        yield from _heads(key, teacher.detector or student.detector, teacher.heads or student.heads)
        detector = teacher.detector or student.detector
        width, kinds = teacher.width or student.width, "a .safetensors file, a state dict"
        yield from _weights(f"{key}.weights", teacher.weights, detector, width, kinds)
    for part in ("detector", "width", "heads"):
        value = getattr(config.teachers[TWIN], part)
        if value is not None:
            reason = "the twin has the student's; leave it out, or give the teacher another name"
            yield f"teachers.{TWIN}.{part}", f"is {value!r}, but {reason}."


def _heads(key: str, detector: str, heads: str) -> Iterator[Problem]:
    allowed = DETECTORS[detector].heads if detector in DETECTORS else (heads,)
    if heads not in allowed:
        yield f"{key}.heads", f"is {heads!r}, but {detector} can only have {' or '.join(map(repr, allowed))}."


def _space(config: Config) -> Iterator[Problem]:
    yield from _methods("space.layers.methods", config.space.layers.methods)
    yield from without_repetition("space.layers.methods", config.space.layers.methods)
    for part, methods in config.space.layers.open.items():
        yield from _methods(f"space.layers.open.{part}", methods)
        yield from without_repetition(f"space.layers.open.{part}", methods)
    for name in config.supernet.search_losses:
        yield from _layer_term(f"supernet.search_losses.{name}", name)
    for name, term in config.space.terms.items():
        key = f"space.terms.{name}"
        if name not in TERMS:
            yield key, f"No distillation term is called so: {unknown(name, TERMS)}"
        pool = [NO_TEACHER, *config.teachers, *_ensemble_for(name)]
        for teacher in term.teachers:
            if teacher not in pool:
                yield f"{key}.teachers", f"{unknown(teacher, pool)} Add it under teachers, or take it out here."
        yield from without_repetition(f"{key}.teachers", term.teachers)
        if set(term.teachers) == {NO_TEACHER}:
            yield f"{key}.teachers", f"is {NO_TEACHER!r} alone: nobody ever teaches it. Add a teacher, or take it out."
        if name in TERMS and TERMS[name].compares_layers:
            yield from _teachers_of_layers(config, name, term.teachers, f"{key}.teachers")
            offered = [*config.space.layers.methods, *chain(*config.space.layers.open.values())]
            yield from _effect(key, name, offered, "method of space.layers")
        if config.scoring.adapt_steps == 0:
            yield key, "has no effect on scores while scoring.adapt_steps is 0; take it out, or adapt some steps."
        try:
            weight_grid(*term.weight)
        except ValueError as error:
            yield f"{key}.weight", str(error)


def _teachers_of_layers(config: Config, term: str, names: Iterable[str], key: str) -> Iterator[Problem]:
    """The student's units are compared with those of the same name: networks of another shape have none that fit."""
    student = config.student
    for name in names:
        teacher = config.teachers.get(name)
        if teacher is None or teacher.is_given:  # what it is, its file says
            continue
        detector, width = teacher.detector or student.detector, teacher.width or student.width
        if (detector, width) != (student.detector, student.width):
            yield (
                key,
                f"{name!r} is a {detector} of width {width:g}, but {term} compares the student's layers with the "
                f"teacher's, which must be a {student.detector} of width {student.width:g} too, as {TWIN} is. "
                "Take it out here.",
            )


def _effect(key: str, term: str, methods: Iterable[str], what: str) -> Iterator[Problem]:
    """A term that compares layers, without a layer that it acts on; what is no method is told elsewhere."""
    if not any(not _is_method(one) or TERMS[term].acts_on(one) for one in methods):
        yield (
            key,
            f"has no effect: no {what} is {TERMS[term].acts_on_what}. Take the term out, or give layers another "
            "method.",
        )


def _ensemble_for(term: str) -> list[str]:
    """Layers are compared with one twin's: several teachers can't teach such a term together."""
    return [ENSEMBLE] if term in TERMS and not TERMS[term].compares_layers else []


def _ensemble(config: Config) -> Iterator[Problem]:
    members = config.ensemble.members or ()
    for name in members:
        if name not in config.teachers:
            yield "ensemble.members", unknown(name, config.teachers)
    yield from without_repetition("ensemble.members", members)
    asked = [
        *(one.teachers for one in config.space.terms.values()),
        [one.teacher for one in config.train.terms.values()],
    ]
    if any(ENSEMBLE in names for names in asked) and len(config.ensemble.members or config.teachers) < 2:
        yield "ensemble.members", "must be two or more where a term is taught by `ensemble`: add teachers."


def _layer_term(key: str, name: str) -> Iterator[Problem]:
    known = [term for term in TERMS if TERMS[term].compares_layers]
    if name not in known:
        yield key, f"No distillation term that compares layers is called so: {unknown(name, known)}"


def _methods(key: str, names: Iterable[str]) -> Iterator[Problem]:
    for name in names:
        base = name.partition("+")[0]
        if base not in METHODS:
            yield key, unknown(base, METHODS)
            continue
        try:
            method(name)
        except ValueError as error:
            yield key, str(error)


def _train(config: Config) -> Iterator[Problem]:
    layers = config.train.layers
    methods = [layers] if isinstance(layers, str) else list(layers.values())
    yield from _methods("train.layers", methods)
    if not isinstance(layers, str) and "" in layers:
        yield "train.layers", "names a layer '', must be names of modules, such as backbone."
    for name, term in config.train.terms.items():
        if name not in TERMS:
            yield f"train.terms.{name}", f"No distillation term is called so: {unknown(name, TERMS)}"
        pool = [*config.teachers, *_ensemble_for(name)]
        if term.teacher not in pool:
            yield f"train.terms.{name}.teacher", unknown(term.teacher, pool)
        if name in TERMS and TERMS[name].compares_layers:
            yield from _teachers_of_layers(config, name, [term.teacher], f"train.terms.{name}.teacher")
            yield from _effect(f"train.terms.{name}", name, methods, "layer of train.layers")


def _is_method(name: str) -> bool:
    try:
        method(name)
    except ValueError:
        return False
    return True


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
