"""The trainings of a run, in this process or in the several that `training.workers` asks for."""

from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch
from torch import nn

from search.config import Config
from search.workers.nodes import Nodes
from search.workers.training import train_in_processes
from search.workers.training_process import Job
from trainers.data.batches import TrainingData
from trainers.data.classes.pictures import Pictures
from trainers.data.decoded import Decoded
from trainers.devices import pick_device
from trainers.progress import Progress
from trainers.training.classifier import train_classifier
from trainers.training.detector import Distillation, train_detector
from trainers.training.loop import Task
from trainers.training.paths import Paths
from trainers.training.rules.table import RULES
from trainers.training.settings import TrainSettings
from trainers.training.supernet import train_supernet

D = TypeVar("D", bound=TrainingData)


def run_training(config: Config, job: Job[D], data: D, task: Task, progress: Progress) -> Any:
    """Train the job's modules in place, and return what the job returns."""
    section, device = config.training, pick_device(config.device)
    task = replace(task, batch_norm=section.batch_norm)
    if section.workers == 1:
        return job.train(data, task, progress)
    nodes = Nodes(config.search.address)
    return train_in_processes(job, data, task, progress, workers=section.workers, device=device, nodes=nodes)


@dataclass(frozen=True)
class DetectorTraining:
    """A detector's training, see `train_detector`."""

    network: nn.Module
    settings: TrainSettings
    distillation: Distillation | None = None
    inputs_first_epochs: int = 0

    @property
    def modules(self) -> nn.Module:
        """The detector, and its adapters if it has any."""
        distiller = None if self.distillation is None else self.distillation.distiller
        return nn.ModuleList([self.network, *([] if distiller is None else [distiller])])

    def move(self, device: torch.device) -> None:
        """Move the detector, its adapters and its teachers to a device."""
        self.network.to(device)
        if self.distillation is not None:
            self.distillation.distiller.move(device)

    def train(self, data: Decoded, task: Task, progress: Progress) -> Any:
        """Train in place."""
        return train_detector(
            self.network, data, self.settings, task, self.distillation, self.inputs_first_epochs, progress
        )


@dataclass(frozen=True)
class SupernetTraining:
    """A supernet's training, see `train_supernet`. rule: its name."""

    paths: Paths
    rule: str
    settings: TrainSettings
    inputs_first_epochs: int = 0

    @property
    def modules(self) -> nn.Module:
        """The supernet and the adapters."""
        return nn.ModuleList([self.paths.supernet, self.paths.distiller])

    def move(self, device: torch.device) -> None:
        """Move the supernet, the adapters and the teachers to a device."""
        self.paths.supernet.to(device)
        self.paths.distiller.move(device)

    def train(self, data: Decoded, task: Task, progress: Progress) -> Any:
        """Train in place."""
        return train_supernet(
            self.paths,
            RULES[self.rule],
            data,
            self.settings,
            task,
            inputs_first_epochs=self.inputs_first_epochs,
            progress=progress,
        )


@dataclass(frozen=True)
class ClassifierTraining:
    """A classifier's training, see `train_classifier`."""

    network: nn.Module
    settings: TrainSettings
    teacher: nn.Module | None = None
    inputs_first_epochs: int = 0

    @property
    def modules(self) -> nn.Module:
        """The classifier."""
        return self.network

    def move(self, device: torch.device) -> None:
        """Move the classifier and its teacher to a device."""
        self.network.to(device)
        if self.teacher is not None:
            self.teacher.to(device)

    def train(self, data: Pictures, task: Task, progress: Progress) -> Any:
        """Train in place."""
        train_classifier(
            self.network,
            data,
            self.settings,
            task,
            teacher=self.teacher,
            inputs_first_epochs=self.inputs_first_epochs,
            progress=progress,
        )
