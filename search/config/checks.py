"""Checks of a config whose keys and types are right: its values against each other and against what we have."""

import re
from collections.abc import Iterator
from itertools import chain

from search.config.check_detectors import ensemble, image_size, student_and_teachers
from search.config.check_enqueued import enqueued_candidates
from search.config.check_layers import searched_layers, trained_layers
from search.config.check_terms import searched_terms, trained_terms
from search.config.names import known_names, unknown, without_repetition
from search.config.problems import Kind, Problem
from search.config.schema import Config
from search.controller.objectives import BUDGETS, OBJECTIVES
from search.controller.samplers import SAMPLERS
from spaces.candidate import ID_LENGTH
from trainers.data.download import BY_HAND
from trainers.evaluate.figures import SCORED


def problems(config: Config) -> list[Problem]:
    """All problems of a config.

    Enqueued candidates are checked only if the space is valid, so that its problems aren't reported twice.
    """
    of_space = [*searched_layers(config), *searched_terms(config)]
    others = (_data, student_and_teachers, ensemble)
    return [
        *chain.from_iterable(check(config) for check in others),
        *of_space,
        *_search(config),
        *trained_layers(config),
        *trained_terms(config),
        *([] if of_space else enqueued_candidates(config)),
    ]


def _data(config: Config) -> Iterator[Problem]:
    yield from image_size(config)
    data = config.data
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


def _search(config: Config) -> Iterator[Problem]:
    yield from known_names("search.sampler", [config.search.sampler], SAMPLERS)
    yield from _objectives(config)
    yield from known_names("search.constraints", list(config.search.constraints), BUDGETS)
    pick = config.retrain.pick
    if pick not in (None, "knee") and not re.fullmatch(rf"[0-9a-f]{{{ID_LENGTH}}}", str(pick)):
        text = f"is {pick!r}, must be knee, null or a candidate's id of {ID_LENGTH} hex digits."
        yield Problem("retrain.pick", Kind.NOT_ALLOWED, text, pick)


def _objectives(config: Config) -> Iterator[Problem]:
    """An objective is a cost, or an accuracy that is measured on data of this format."""
    key, data_format = "search.objectives", config.data.format
    measured = SCORED["voc" if data_format == "shapes" else data_format]
    allowed = [name for name, direction in OBJECTIVES.items() if direction == "minimize" or name in measured]
    for name in config.search.objectives:
        if name not in OBJECTIVES:
            yield Problem(key, Kind.UNKNOWN, unknown(name, allowed), name)
        elif name not in allowed:
            text = f"{name!r} is not measured on {data_format} data; measured are {', '.join(measured)}."
            yield Problem(key, Kind.CONFLICT, text, name)
    yield from without_repetition(key, config.search.objectives)
