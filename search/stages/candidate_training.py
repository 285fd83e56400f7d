"""Training one candidate as a network of its own, whichever command asks for it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from torch import nn

from search.config.schema import Retrain, Train, TrainingConfig
from search.run.folder import RunFolder
from search.stages.detector_result import is_finished, place_for
from spaces.candidate import Candidate
from trainers.data.decoded import Decoded
from trainers.distill import Distiller
from trainers.progress import Progress
from trainers.seeding import seeded
from trainers.training.detector import Distillation, train_detector
from trainers.training.inputs_first import unfinished_files
from trainers.training.loop import Task
from trainers.training.parameter_groups import ROLES
from trainers.training.settings import TrainSettings

Command = Literal["train", "retrain"]


@dataclass(frozen=True)
class CandidateTraining:
    """One training of a candidate in a run.

    section: how long and how fast. settings: what its result and its unfinished state are recognised by. place: the
    folder of its result. state: the file of its unfinished state. seed: the run's.
    """

    command: Command
    candidate: Candidate
    section: Retrain | Train
    settings: Mapping[str, object]
    place: Path
    state: Path
    seed: int

    @property
    def stage(self) -> str:
        """Its name in progress, after the place of its result."""
        return f"{self.command} {self.place.name}"

    @property
    def finished(self) -> bool:
        """Whether its result is there."""
        return is_finished(self.place)

    def forget_state(self) -> None:
        """Remove what an unfinished training would have gone on from, once its result is there."""
        for path in unfinished_files(self.state):
            path.unlink(missing_ok=True)


def plan_candidate_training(
    command: Command, candidate: Candidate, section: Retrain | Train, run: RunFolder, folder: str, seed: int
) -> CandidateTraining:
    """The training of a candidate whose result goes to `<folder>/<id>` in the run, or to `<id>.2` and so on."""
    settings = described(section)
    place = place_for(run.path / folder, candidate.id, settings)
    state = run.training_state(f"{command}-{candidate.id}")
    return CandidateTraining(command, candidate, section, settings, place, state, seed)


def train_settings(section: TrainingConfig) -> TrainSettings:
    """The training part of a section as the trainers take it."""
    names = [field.name for field in fields(TrainSettings) if hasattr(section, field.name)]
    return TrainSettings(**{name: getattr(section, name) for name in names}, rates=role_rates(section))


def role_rates(section: TrainingConfig) -> dict[str, float]:
    """The learning rates by role that a section has: its keys `<role>_learning_rate`."""
    keys = {role: f"{role}_learning_rate" for role in ROLES}
    return {role: getattr(section, key) for role, key in keys.items() if hasattr(section, key)}


def described(section: Retrain | Train) -> dict[str, object]:
    """What identifies the results and unfinished states of such a training."""
    settings: dict[str, object] = {**train_settings(section).described()}
    settings["inputs_first_epochs"] = section.inputs_first_epochs
    if isinstance(section, Train):
        settings["start"] = section.start
    return settings


def train_candidate(
    training: CandidateTraining, network: nn.Module, distiller: Distiller, data: Decoded, progress: Progress
) -> nn.Module:
    """Train `network` in place with the candidate's own teachers; it is in evaluation mode afterwards.

    Goes on where a training of the same settings stopped. All candidates of a run see the same images in the same
    order, and draw alike what is drawn at random: teachers, anchors, proposals.
    """
    task = Task(
        stage=training.stage,
        seed=seeded(training.seed, training.command, "data"),
        described_as=training.settings,
        resume_from=training.state,
    )
    distillation, section = Distillation(training.candidate, distiller), training.section
    train_detector(network, data, train_settings(section), task, distillation, section.inputs_first_epochs, progress)
    return network.eval()
