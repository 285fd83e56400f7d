"""Whether the teachers of a plan can teach what its config asks of them: checked before anything is trained."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import cast

import torch
from torch import nn

from search.config import ConfigError
from search.config.schema import Ensemble as EnsembleSection
from search.config.schema import Space, Term, Train, TrainTerm
from search.plan.space import Choices
from spaces.candidate import ALL_REAL, NO_TEACHER, Candidate
from spaces.detectors import DETECTORS, DetectorOutput, DetectorSpec
from spaces.supernet import build_fixed, build_supernet
from spaces.without_values import without_values
from trainers.distill import TERMS, Distiller
from trainers.distill.ensemble import ENSEMBLE, Ensemble
from trainers.distill.terms import TermLoss

LEAST_WIDTH = 0.0625
"""The width of the networks that are run to see the form of their responses, which doesn't depend on it."""

OBJECT = [{"boxes": torch.tensor([[8.0, 8.0, 72.0, 72.0]]), "labels": torch.ones(1, dtype=torch.long)}]
"""The target of these runs."""


@dataclass(frozen=True)
class Asked:
    """A teacher that a key of the config names for a term, and the student that it would teach."""

    key: str
    term: str
    teacher: str
    student: Callable[[], nn.Module]


def check_ensemble(section: EnsembleSection, searched: Mapping[str, Term], trained: Mapping[str, TrainTerm]) -> None:
    """Raise ConfigError for a search with an `ensemble` section that no term of it or of `train` names.

    Trainings that are compared, alone and taught, may share one.
    """
    named = {name for term in searched.values() for name in term.teachers} | {one.teacher for one in trained.values()}
    if section != EnsembleSection() and ENSEMBLE not in named:
        raise ConfigError(
            f"ensemble: is given, but has no effect: no term of space.terms is taught by {ENSEMBLE!r}. Add that to the "
            "teachers of a term, or take the section out."
        )


def check_layers(student: DetectorSpec, candidate: Candidate) -> nn.Module:
    """The network that `train` names, without weights. Raises ConfigError for layers that its detector doesn't have."""
    try:
        with without_values():
            return build_fixed(student, candidate)
    except ValueError as error:
        raise ConfigError(f"train.layers: {error} `bitfront cost` lists all.") from error


def asked_of_teachers(
    space: Space, train: Train, student: DetectorSpec, choices: Callable[[], Choices], fixed: Candidate
) -> Iterator[Asked]:
    """Every teacher of every term of `space.terms` and `train.terms`.

    choices: the methods by layer or prefix, asked for where a term of `space.terms` compares layers. fixed: the
    candidate that `train` names.
    """

    def supernet() -> nn.Module:
        with without_values():
            return build_supernet(student, choices())

    searched, trained = cache(supernet), cache(lambda: check_layers(student, fixed))
    for name, term in space.terms.items():
        yield from (Asked(f"space.terms.{name}.teachers", name, one, searched) for one in term.teachers)
    for name, taught in train.terms.items():
        yield Asked(f"train.terms.{name}.teacher", name, taught.teacher, trained)


def check_teaching(
    asked: Iterator[Asked], student: DetectorSpec, teachers: Mapping[str, DetectorSpec], ensemble: Ensemble
) -> None:
    """Raise ConfigError, with the reason, for a teacher that can't teach a term.

    Terms of features need pyramid levels in common; terms of responses the same anchors, classes and form of boxes;
    terms of layers all that the student may have in 1 bit, opened ones too. An ensemble must be able to teach as its
    mode says.
    """
    for one in asked:
        if one.teacher == NO_TEACHER:
            continue
        term = TERMS[one.term]
        taught = one.student() if term.compares_layers else _without_weights(student)
        behind = {name: teachers[name] for name in ensemble.behind(one.teacher)}
        try:
            networks = {name: _without_weights(spec) for name, spec in behind.items()}
            with without_values():
                Distiller(taught, networks, {one.term: [one.teacher]}, ensemble)
            if term.reads == "responses":
                loss = cast(TermLoss, term.build({}, {}))
                for name, spec in behind.items():
                    loss(_responses(student), _responses(spec), name)
        except ValueError as error:
            raise ConfigError(f"{one.key}: {one.teacher!r} can't teach it. {error}") from error


def _without_weights(spec: DetectorSpec) -> nn.Module:
    return _built(spec, DETECTORS[spec.detector])


def _responses(spec: DetectorSpec) -> DetectorOutput:
    """The output of such a detector for a blank image with an object."""
    return _run(spec, DETECTORS[spec.detector])


# A plan of comparisons asks for the same few detectors a hundred times. An entry is among the arguments because a
# detector of the user's own may be defined anew under its name.
@lru_cache(maxsize=16)
def _built(spec: DetectorSpec, entry: object) -> nn.Module:
    with without_values():
        return build_fixed(spec, ALL_REAL)


@lru_cache(maxsize=16)
def _run(spec: DetectorSpec, entry: object) -> DetectorOutput:
    with torch.random.fork_rng(devices=[]), torch.no_grad():  # a caller's draws don't depend on what is remembered
        network = build_fixed(replace(spec, width=LEAST_WIDTH), ALL_REAL).eval()
        output: DetectorOutput = network([torch.zeros(3, *spec.input_size)], OBJECT)
    return output
