"""Whether the teachers of a config can teach what it asks of them: said before anything is trained."""

from dataclasses import replace
from functools import cache
from typing import cast

import torch
from torch import nn

from search.config import Config, ConfigError
from search.config.schema import Ensemble as EnsembleSection
from search.plan.sources import class_names
from search.plan.space import fixed_candidate, layer_choices, student_spec, teacher_spec
from spaces.candidate import ALL_REAL, NO_TEACHER
from spaces.detectors import DetectorOutput, DetectorSpec
from spaces.supernet import build_fixed, build_supernet
from trainers.distill import TERMS, Distiller
from trainers.distill.ensemble import ENSEMBLE, Ensemble
from trainers.distill.terms import TermLoss
from trainers.teacher import Teacher

LEAST_WIDTH = 0.0625
"""Of the networks that are run to see the form of their responses, which doesn't depend on a width."""
OBJECT = [{"boxes": torch.tensor([[8.0, 8.0, 72.0, 72.0]]), "labels": torch.ones(1, dtype=torch.long)}]
"""What they are shown."""


def ensemble_of(config: Config) -> Ensemble:
    """What `ensemble` means as a teacher: the members that the config names, or all of the pool."""
    return Ensemble(config.ensemble.members or tuple(config.teachers), config.ensemble.mode)


def check_ensemble(config: Config) -> None:
    """Raise ConfigError for a search with an `ensemble` section that no term of it or of `train` means.

    Trainings that are compared, alone and taught, may share one.
    """
    asked = [
        *(one.teachers for one in config.space.terms.values()),
        [one.teacher for one in config.train.terms.values()],
    ]
    if config.ensemble != EnsembleSection() and not any(ENSEMBLE in names for names in asked):
        raise ConfigError(
            f"ensemble: is given, but has no effect: no term of space.terms is taught by {ENSEMBLE!r}. Add that to the "
            "teachers of a term, or take the section out."
        )


def check_layers(config: Config) -> nn.Module:
    """The network that `train` names, without weights. Raises ConfigError for layers that its detector doesn't have."""
    try:
        with torch.device("meta"):
            return build_fixed(student_spec(config, len(class_names(config))), fixed_candidate(config))
    except ValueError as error:
        raise ConfigError(f"train.layers: {error} `bitfront cost` lists all.") from error


def check_fit(config: Config, given: dict[str, Teacher] | None = None) -> None:
    """Raise ConfigError, with the reason, for a teacher that can't teach a term.

    Terms of features need pyramid levels in common; terms of responses the same anchors, classes and form of boxes;
    terms of layers all that the student may have in 1 bit, opened ones too. An ensemble must be able to teach as its
    mode says. The config is a settled one. `given` are teachers whose files say what they are; the others are what the
    config says.
    """
    count = len(class_names(config))
    student = student_spec(config, count)
    specs = {name: teacher_spec(config, name, count) for name in config.teachers}
    specs |= {name: teacher.spec for name, teacher in (given or {}).items()}
    supernet, alone = cache(lambda: _supernet(config)), cache(lambda: check_layers(config))
    asked = [
        (f"space.terms.{term}.teachers", term, name, supernet)
        for term, one in config.space.terms.items()
        for name in one.teachers
    ]
    asked += [(f"train.terms.{term}.teacher", term, one.teacher, alone) for term, one in config.train.terms.items()]
    ensemble = ensemble_of(config)
    networks = {name: _without_weights(spec) for name, spec in specs.items()}
    for key, term, name, whole in asked:
        if name == NO_TEACHER:
            continue
        taught = whole() if TERMS[term].compares_layers else _without_weights(student)
        try:
            with torch.device("meta"):
                Distiller(taught, networks, {term: [name]}, ensemble)
            if TERMS[term].reads == "responses":
                for one in ensemble.behind(name):
                    loss = cast(TermLoss, TERMS[term].build({}, {}))
                    loss(_form(student), _form(specs[one]), one)
        except ValueError as error:
            raise ConfigError(f"{key}: {name!r} can't teach it. {error}") from error


def _supernet(config: Config) -> nn.Module:
    spec = student_spec(config, len(class_names(config)))
    with torch.device("meta"):
        return build_supernet(spec, layer_choices(config, spec))


@cache
def _without_weights(spec: DetectorSpec) -> nn.Module:
    with torch.device("meta"):
        return build_fixed(spec, ALL_REAL)


@cache
def _form(spec: DetectorSpec) -> DetectorOutput:
    """What such a detector says of a blank image with an object."""
    network = build_fixed(replace(spec, width=LEAST_WIDTH), ALL_REAL).eval()
    with torch.no_grad():
        output: DetectorOutput = network([torch.zeros(3, spec.image_size, spec.image_size)], OBJECT)
    return output
