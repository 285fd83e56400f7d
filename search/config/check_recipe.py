"""Checks of a training's recipe: keys that need each other, or have no effect beside each other."""

from collections.abc import Iterator
from itertools import pairwise

from search.config.problems import Kind, Problem
from search.config.recipe import Recipe, ValidatedRecipe
from search.config.schema import Config, TrainingConfig


def recipes(config: Config) -> Iterator[Problem]:
    """Problems of every section with a training."""
    sections: dict[str, TrainingConfig] = {f"teachers.{name}": one for name, one in config.teachers.items()}
    sections |= {"supernet": config.supernet, "retrain": config.retrain, "train": config.train}
    sections |= config.pretrain.trainings()
    for key, section in sections.items():
        yield from _optimizer(key, section)
        yield from _schedule(key, section)
        if isinstance(section, ValidatedRecipe):
            yield from _validation(key, section, config.data.val)


def _optimizer(key: str, section: TrainingConfig) -> Iterator[Problem]:
    if section.optimizer != "sgd" and section.momentum != _default("momentum"):
        text = f"is {section.momentum}, but {key}.optimizer is {section.optimizer}: only sgd has a momentum."
        yield Problem(f"{key}.momentum", Kind.NO_EFFECT, text, section.momentum)


def _schedule(key: str, section: TrainingConfig) -> Iterator[Problem]:
    milestones = list(section.milestones)
    if section.schedule != "steps":
        for name, given, unset in (("milestones", milestones, []), ("gamma", section.gamma, _default("gamma"))):
            if given != unset:
                text = f"is {given}, but {key}.schedule is {section.schedule}: only steps has {name}."
                yield Problem(f"{key}.{name}", Kind.NO_EFFECT, text, given)
    elif not milestones:
        text = f"is steps, which needs {key}.milestones: the epochs at which the rate falls, such as [8, 11]."
        yield Problem(f"{key}.schedule", Kind.CONFLICT, text, section.schedule)
    elif not all(one < other for one, other in pairwise([*milestones, section.epochs])):
        text = f"is {milestones}, must be rising epochs below {key}.epochs, which is {section.epochs}."
        yield Problem(f"{key}.milestones", Kind.NOT_ALLOWED, text, milestones)
    if section.warm_up_epochs is not None and section.warm_up_epochs > section.epochs:
        text = f"is {section.warm_up_epochs}, must be at most {key}.epochs, which is {section.epochs}."
        yield Problem(f"{key}.warm_up_epochs", Kind.NOT_ALLOWED, text, section.warm_up_epochs)


def _validation(key: str, section: ValidatedRecipe, val: str | None) -> Iterator[Problem]:
    if section.validate_every is None and section.patience is not None:
        text = f"is {section.patience}, but {key}.validate_every is null: nothing is validated. Give that too."
        yield Problem(f"{key}.patience", Kind.NO_EFFECT, text, section.patience)
    if section.validate_every is not None and val is None:
        text = f"is {section.validate_every}, but data.val is null: name the images to validate on there."
        yield Problem(f"{key}.validate_every", Kind.CONFLICT, text, section.validate_every)


def _default(name: str) -> object:
    return Recipe.model_fields[name].default
