"""Training one fixed detector: a teacher, or a candidate that is retrained. The same code for both."""

from dataclasses import dataclass, replace

from torch import nn

from spaces.candidate import Candidate
from trainers.data.batches import Batch
from trainers.data.decoded import Decoded
from trainers.distill import Distiller
from trainers.progress import Progress
from trainers.training.finishing import finish_training
from trainers.training.inputs_first import train_inputs_first
from trainers.training.loop import Task
from trainers.training.settings import TrainSettings
from trainers.training.step import Losses
from trainers.training.validation import Validated


@dataclass(frozen=True)
class Distillation:
    """What a detector learns beside the detection losses: the terms of a candidate, with the teachers it names."""

    candidate: Candidate
    distiller: Distiller
    """Its adapters are trained with the detector."""


def train_detector(
    network: nn.Module,
    data: Decoded,
    settings: TrainSettings,
    task: Task,
    distillation: Distillation | None = None,
    inputs_first_epochs: int = 0,
    progress: Progress | None = None,
) -> Validated | None:
    """Train `network` on detection losses and, with `distillation`, on the candidate's own terms; in place.

    `inputs_first_epochs`: see `train_inputs_first`; a state with another number isn't resumed. Returns what validations
    found, if `task.val` and the settings ask for any. Raises DivergedError when a loss isn't finite.
    """
    modules = nn.ModuleDict({"network": network})
    if distillation is not None:
        modules["distiller"] = distillation.distiller

    def step_losses(batch: Batch, epoch: int, step: int) -> list[Losses]:
        images, targets = batch
        if distillation is None:
            return [dict(network(images, targets).losses)]
        return [distillation.distiller.step(network, distillation.candidate, images, targets)]

    task = replace(task, described_as={"inputs_first_epochs": inputs_first_epochs, **task.described_as})
    validated = train_inputs_first(modules, step_losses, data, settings, task, inputs_first_epochs, progress)
    finish_training(network, data, settings, task.seed, settings.epochs if validated is None else validated.epochs)
    return validated
