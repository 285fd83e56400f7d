"""Checks of a config whose keys and types are right: its values against each other and against what we have."""

import re
from collections.abc import Iterator, Sequence

from search.config.check_detectors import ensemble_members, image_size, student_and_teachers
from search.config.check_enqueued import enqueued_candidates
from search.config.check_layers import search_losses, searched_layers, searched_methods, trained_layers
from search.config.check_terms import adapt_steps, searched_terms, taught_by_ensemble, trained_terms
from search.config.names import known_names, unknown, without_repetition
from search.config.problems import Kind, Problem
from search.config.schema import Config, Data, Format, Search
from search.controller.objectives import BUDGETS, OBJECTIVES
from search.controller.samplers import SAMPLERS
from spaces.candidate import ID_LENGTH
from trainers.data.download import BY_HAND
from trainers.evaluate.figures import rule_named


def problems(config: Config) -> list[Problem]:
    """All problems of a config.

    Enqueued candidates are checked only if the space is valid, so that its problems aren't reported twice.
    """
    data, student, teachers = config.data, config.student, config.teachers
    space, search, train = config.space, config.search, config.train
    space_problems = [
        *searched_layers(space.layers),
        *search_losses(config.supernet.search_losses, searched_methods(space.layers)),
        *searched_terms(space, student, teachers),
        *adapt_steps(config.scoring.adapt_steps, space.terms),
    ]
    return [
        *image_size(data.image_size, student, teachers),
        *_data(data),
        *student_and_teachers(student, teachers),
        *ensemble_members(config.ensemble.members or (), teachers, taught_by_ensemble(space.terms, train.terms)),
        *space_problems,
        *_search(search, data.format),
        *_pick(config.retrain.pick),
        *trained_layers(train.layers),
        *trained_terms(train, student, teachers),
        *([] if space_problems else enqueued_candidates(search.enqueue, space)),
    ]


def _data(data: Data) -> Iterator[Problem]:
    if data.download and data.format != "voc":
        text = f"is true, but only VOC can be downloaded. {BY_HAND[data.format]}."
        yield Problem("data.download", Kind.CONFLICT, text, True)
    if data.classes is not None and data.format == "visdrone":
        text = "is given, but VisDrone's ten classes are fixed; leave it out."
        yield Problem("data.classes", Kind.CONFLICT, text, list(data.classes))
    yield from without_repetition("data.classes", data.classes or ())
    image_sets = {"train": data.train, "val": data.val, "test": data.test}
    for key, name in image_sets.items():
        first = next(other for other in image_sets if image_sets[other] == name)
        if first != key:
            text = f"is {name!r}, as data.{first}; the three sets may share no image."
            yield Problem(f"data.{key}", Kind.CONFLICT, text, name)


def _search(search: Search, data_format: Format) -> Iterator[Problem]:
    yield from known_names("search.sampler", [search.sampler], SAMPLERS)
    yield from _objectives(search.objectives, data_format)
    yield from known_names("search.constraints", list(search.constraints), BUDGETS)


def _pick(pick: str | None) -> Iterator[Problem]:
    if pick not in (None, "knee") and not re.fullmatch(rf"[0-9a-f]{{{ID_LENGTH}}}", str(pick)):
        text = f"is {pick!r}, must be knee, null or a candidate's id of {ID_LENGTH} hex digits."
        yield Problem("retrain.pick", Kind.NOT_ALLOWED, text, pick)


def _objectives(names: Sequence[str], data_format: Format) -> Iterator[Problem]:
    """An objective is a cost, or an accuracy that is measured on data of this format."""
    key = "search.objectives"
    measured = rule_named("voc" if data_format == "shapes" else data_format).scored
    allowed = [name for name, direction in OBJECTIVES.items() if direction == "minimize" or name in measured]
    for name in names:
        if name not in OBJECTIVES:
            yield Problem(key, Kind.UNKNOWN, unknown(name, allowed), name)
        elif name not in allowed:
            text = f"{name!r} is not measured on {data_format} data; measured are {', '.join(measured)}."
            yield Problem(key, Kind.CONFLICT, text, name)
    yield from without_repetition(key, names)
