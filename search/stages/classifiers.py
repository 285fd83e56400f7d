"""One classifier of a pretraining, the backbone or its teacher: trained, measured, kept, and read again."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search.config import TrainingConfig
from search.plan.pretraining import PretrainPlan
from search.run.digests import reading, writing
from search.run.folder import RunFolder, read_json
from search.stages.settings import train_settings
from search.stages.training import ClassifierTraining, run_training
from spaces.candidate import Candidate
from spaces.classifier import Classifier, build_classifier
from trainers.classifier_file import ClassifierFile, load_classifier, save_classifier
from trainers.data.classes.pictures import Pictures
from trainers.devices import pick_device
from trainers.progress import Progress, figures_text
from trainers.seeding import seeded, seeded_torch
from trainers.training.classifier import measure_classifier
from trainers.training.inputs_first import unfinished_files
from trainers.training.loop import Task
from trainers.whole_files import write_whole


@dataclass(frozen=True)
class Work:
    """A pretraining at work: its plan, its run, and the pictures that it trains and measures on."""

    plan: PretrainPlan
    run: RunFolder
    train: Pictures
    val: Pictures
    progress: Progress


@dataclass(frozen=True)
class ClassifierPlan:
    """One classifier: the file in the run that it becomes, its stage's name, its layers, and how it is trained.

    settings: what its result and its unfinished state are recognised by. They stand in a file beside it, with its
    figures, which is written last.
    """

    file: Path
    stage: str
    candidate: Candidate
    section: TrainingConfig
    settings: Mapping[str, Any]
    inputs_first_epochs: int = 0

    @property
    def figures_file(self) -> Path:
        """The file beside it."""
        return self.file.with_suffix(".json")

    @property
    def kept(self) -> dict[str, Any]:
        """What that file has; empty where there is none."""
        return read_json(self.figures_file) if self.figures_file.is_file() else {}


def train_and_keep(
    planned: ClassifierPlan, work: Work, teacher: Classifier | None = None, beside: Mapping[str, Any] | None = None
) -> None:
    """Train a classifier, or go on with its training; measure it and keep it with its figures and what is `beside`."""
    plan, run = work.plan, work.run
    with run.timed(planned.stage):
        with seeded_torch(seeded(plan.config.seed, planned.stage)):
            network = build_classifier(plan.spec, planned.candidate, len(plan.classes))
        network.to(pick_device(plan.config.device))
        task = Task(
            stage=planned.stage,
            seed=seeded(plan.config.seed, planned.stage, "data"),
            described_as=planned.settings,
            resume_from=_state(planned, run),
            val=work.val,
        )
        settings = train_settings(planned.section)
        job = ClassifierTraining(network, settings, teacher, planned.inputs_first_epochs)
        run_training(plan.config, job, work.train, task, work.progress)
        figures = measured(planned.stage, network, work)
    content = ClassifierFile(network.eval(), plan.spec, planned.candidate, plan.image_size, plan.classes)
    planned.figures_file.unlink(missing_ok=True)
    with writing(run, planned.file):
        save_classifier(planned.file, content)
    kept = {"figures": figures, **(beside or {}), "settings": planned.settings}
    write_whole(planned.figures_file, json.dumps(kept, indent=2).encode())


def read_kept(planned: ClassifierPlan, run: RunFolder) -> Classifier:
    """The classifier that was kept, on the CPU; nothing is left of its training.

    Raises RunError where the file isn't the one that the run wrote.
    """
    for path in unfinished_files(_state(planned, run)):
        path.unlink(missing_ok=True)
    with reading(run, planned.file):
        return load_classifier(planned.file).network


def measured(stage: str, network: Classifier, work: Work) -> dict[str, float]:
    """The figures of a classifier on the pictures of `val`, which a note says too."""
    section = work.plan.section
    figures = measure_classifier(network, work.val, section.batch_size)
    work.progress.note(f"{stage}: {figures_text(figures)} on {len(work.val)} pictures of {section.data.val}")
    return figures


def _state(planned: ClassifierPlan, run: RunFolder) -> Path:
    return run.training_state(planned.file.stem)
