"""What a section of the config says of a training, as the trainers take it: of detectors, supernets and classifiers."""

from dataclasses import fields

from search.config import TrainingConfig
from trainers.training.parameter_groups import ROLES
from trainers.training.settings import TrainSettings
from trainers.training.silence import SilenceDecay


def train_settings(section: TrainingConfig) -> TrainSettings:
    """The training part of a section as the trainers take it."""
    names = [field.name for field in fields(TrainSettings) if hasattr(section, field.name)]
    values = {name: getattr(section, name) for name in names}
    if section.silence_decay is not None:
        values["silence_decay"] = SilenceDecay(**section.silence_decay.model_dump())
    return TrainSettings(**values, rates=role_rates(section))


def role_rates(section: TrainingConfig) -> dict[str, float]:
    """The learning rates by role that a section has: its keys `<role>_learning_rate` that aren't null."""
    rates = {role: getattr(section, f"{role}_learning_rate", None) for role in ROLES}
    return {role: rate for role, rate in rates.items() if rate is not None}
