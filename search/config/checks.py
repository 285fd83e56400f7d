"""Checks of a config whose keys and types are right: its values against each other and against what we have."""

import re
from collections.abc import Iterator, Sequence

from search.config.check_detectors import ensemble_members, image_size, student_and_teachers
from search.config.check_enqueued import enqueued_candidates
from search.config.check_layers import search_losses, searched_layers, searched_methods, trained_layers
from search.config.check_pretrain import pretraining
from search.config.check_recipe import recipes
from search.config.check_samplers import known_sampler
from search.config.check_scoring import scoring_steps
from search.config.check_supernet import supernet_rule
from search.config.check_terms import searched_terms, taught_by_ensemble, trained_terms
from search.config.names import known_names, unknown, without_repetition
from search.config.problems import Kind, Problem
from search.config.schema import Config, Data, Search
from search.controller.objectives import BUDGETS, OBJECTIVES
from spaces.candidate import ID_LENGTH
from spaces.latency import FIGURE as LATENCY
from spaces.latency import REMEASURE
from trainers.data.formats import FORMATS, data_format
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
        *scoring_steps(config.scoring, space.terms),
    ]
    return [
        *image_size(data, student, teachers),
        *_data(data),
        *supernet_rule(config.supernet, searched_methods(space.layers)),
        *student_and_teachers(student, teachers),
        *ensemble_members(config.ensemble.members or (), teachers, taught_by_ensemble(space.terms, train.terms)),
        *space_problems,
        *_search(search, data.format),
        *_pick(config.retrain.pick),
        *recipes(config),
        *trained_layers("train.layers", train.layers),
        *pretraining(config.pretrain),
        *trained_terms(train, student, teachers),
        *([] if space_problems else enqueued_candidates(search.enqueue, space)),
    ]


def _data(data: Data) -> Iterator[Problem]:
    form = data_format(data.format)
    if data.download and form.download is None:
        able = " and ".join(one.title for one in FORMATS.values() if one.download is not None)
        text = f"is true, but only {able} can be downloaded. {form.by_hand}."
        yield Problem("data.download", Kind.CONFLICT, text, True)
    if data.classes is not None and form.classes.fixed:
        text = f"is given, but {form.title}'s classes are fixed; leave it out."
        yield Problem("data.classes", Kind.CONFLICT, text, list(data.classes))
    yield from without_repetition("data.classes", data.classes or ())
    image_sets = {"train": data.train, "val": data.val, "test": data.test}
    for key, name in image_sets.items():
        first = next(other for other in image_sets if image_sets[other] == name)
        if first != key:
            text = f"is {name!r}, as data.{first}; the three sets may share no image."
            yield Problem(f"data.{key}", Kind.CONFLICT, text, name)
    yield from _named_files(data, form.generate is not None)
    yield from _hold_out(data, form.generate is not None)


def _named_files(data: Data, generated: bool) -> Iterator[Problem]:
    """Files are named for the sets that are read, and for no generated ones."""
    read = [name for name in (data.train, data.val, data.test) if name is not None and name not in data.hold_out]
    for key, files in (("data.annotations", data.annotations), ("data.images", data.images)):
        if generated and files:
            text = f"is given, but data.format is {data.format}, whose files are generated; leave it out."
            yield Problem(key, Kind.CONFLICT, text, files)
            continue
        for name in files:
            if name not in read:
                text = f"names the files of a set {name!r} that nothing reads; the sets are {', '.join(read)}."
                yield Problem(f"{key}.{name}", Kind.CONFLICT, text, files[name])


def _hold_out(data: Data, generated: bool) -> Iterator[Problem]:
    """What is held out is what `data.val` and `data.test` name, and something of `data.train` is left."""
    key, shares = "data.hold_out", data.hold_out
    if generated and shares:
        text = f"is given, but data.format is {data.format}, whose sets are generated apart; leave it out."
        yield Problem(key, Kind.CONFLICT, text, shares)
    for name in shares:
        if name not in (data.val, data.test):
            text = (
                f"holds out a set {name!r} that nothing reads; data.val is {data.val!r} and data.test is {data.test!r}."
            )
            yield Problem(f"{key}.{name}", Kind.CONFLICT, text, shares[name])
    if sum(shares.values()) >= 1:
        text = f"adds up to {sum(shares.values()):g}, which leaves no images of data.train to train on."
        yield Problem(key, Kind.NOT_ALLOWED, text, shares)


def _search(search: Search, format_: str) -> Iterator[Problem]:
    yield from known_sampler(search.sampler)
    yield from _objectives(search.objectives, format_)
    yield from known_names("search.constraints", list(search.constraints), BUDGETS)
    if search.latency_table is None:
        for key, names in (("search.objectives", search.objectives), ("search.constraints", search.constraints)):
            if LATENCY in names:
                text = f"has {LATENCY}, which comes from a table: name its file in search.latency_table. {REMEASURE}"
                yield Problem(key, Kind.CONFLICT, text, LATENCY)


def _pick(pick: str | None) -> Iterator[Problem]:
    if pick not in (None, "knee") and not re.fullmatch(rf"[0-9a-f]{{{ID_LENGTH}}}", str(pick)):
        text = f"is {pick!r}, must be knee, null or a candidate's id of {ID_LENGTH} hex digits."
        yield Problem("retrain.pick", Kind.NOT_ALLOWED, text, pick)


def _objectives(names: Sequence[str], format_: str) -> Iterator[Problem]:
    """An objective is a cost, or an accuracy that is measured on data of this format."""
    key = "search.objectives"
    measured = rule_named(data_format(format_).rule).scored
    allowed = [name for name, direction in OBJECTIVES.items() if direction == "minimize" or name in measured]
    for name in names:
        if name not in OBJECTIVES:
            yield Problem(key, Kind.UNKNOWN, unknown(name, allowed), name)
        elif name not in allowed:
            text = f"{name!r} is not measured on {format_} data; measured are {', '.join(measured)}."
            yield Problem(key, Kind.CONFLICT, text, name)
    yield from without_repetition(key, names)
