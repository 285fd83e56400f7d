"""Training one candidate as a network of its own, whichever command asks for it."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Literal

from torch import nn

from search.config.schema import Retrain, Train, TrainingConfig
from search.run.folder import RunFolder
from spaces.candidate import Candidate
from trainers.data.decoded import Decoded
from trainers.distill import Distiller
from trainers.progress import Progress
from trainers.seeding import seeded
from trainers.training.detector import train_detector, unfinished_files
from trainers.training.parameter_groups import ROLES
from trainers.training.settings import TrainSettings

Command = Literal["train", "retrain"]


def train_settings(config: TrainingConfig) -> TrainSettings:
    """The training part of a config as the trainers take it."""
    names = [field.name for field in fields(TrainSettings) if hasattr(config, field.name)]
    return TrainSettings(**{name: getattr(config, name) for name in names}, rates=role_rates(config))


def role_rates(config: TrainingConfig) -> dict[str, float]:
    """The learning rates by role that a section has: its keys `<role>_learning_rate`."""
    keys = {role: f"{role}_learning_rate" for role in ROLES}
    return {role: getattr(config, key) for role, key in keys.items() if hasattr(config, key)}


def described(config: Retrain | Train) -> dict[str, object]:
    """What results and unfinished states of such a training are told from others by."""
    return {**train_settings(config).described(), "inputs_first_epochs": config.inputs_first_epochs}


def train_candidate(
    network: nn.Module,
    distiller: Distiller,
    candidate: Candidate,
    data: Decoded,
    config: Retrain | Train,
    described_as: Mapping[str, object],
    *,
    command: Command,
    place: Path,
    seed: int,
    folder: RunFolder,
    progress: Progress,
) -> nn.Module:
    """Train `network` in place with the candidate's own teachers; in evaluation mode then.

    Goes on where a training `described_as` this one stopped. All candidates of a run see the same images in the same
    order, and draw alike what is drawn at random: teachers, anchors, proposals. What is told of it goes by `place`,
    where its result is to lie.
    """
    train_detector(
        network,
        data,
        train_settings(config),
        seed=seeded(seed, command, "data"),
        stage=f"{command} {place.name}",
        candidate=candidate,
        distiller=distiller,
        inputs_first_epochs=config.inputs_first_epochs,
        described_as=described_as,
        resume_from=folder.training_state(f"{command}-{candidate.id}"),
        progress=progress,
    )
    return network.eval()


def forget_training(folder: RunFolder, command: Command, candidate: Candidate) -> None:
    """Remove what an unfinished training would have gone on from, once its result is kept."""
    for path in unfinished_files(folder.training_state(f"{command}-{candidate.id}")):
        path.unlink(missing_ok=True)
