"""Training in two stages: binary inputs with real weights first, then both binary."""

from dataclasses import replace
from pathlib import Path

from torch import nn

from spaces.layers import SearchableUnit
from spaces.layers.binary_unit import Binary
from trainers.data.batches import TrainingData
from trainers.progress import Progress
from trainers.training.loop import Task, train
from trainers.training.searched_signs import inputs_only
from trainers.training.settings import TrainSettings
from trainers.training.step import StepLosses
from trainers.training.validation import Validated


def train_inputs_first(
    modules: nn.ModuleDict,
    step_losses: StepLosses,
    data: TrainingData,
    settings: TrainSettings,
    task: Task,
    inputs_first_epochs: int,
    progress: Progress | None = None,
) -> Validated | None:
    """Train as `loop.train` does; with `inputs_first_epochs` in two stages, as ReActNet's published code does.

    So many epochs with binary inputs and real weights, then `settings.epochs` with both binary; each stage has its own
    warm-up and schedule; milestones lie in the first one where they do in the second, in proportion. What settings say
    of latent weights holds in the second alone, which starts from scales that fit the weights of the first. The first
    one's end is saved, so that a training killed in the second stage resumes there; it isn't validated. Modules without
    1-bit units have one stage.
    """
    if inputs_first_epochs and any(isinstance(module, Binary) for module in modules.modules()):
        file = None if task.resume_from is None else _inputs_file(task.resume_from)
        first = replace(task, stage=f"{task.stage}, inputs", resume_from=file, keep_end=True, val=None)
        with inputs_only(modules):
            own = settings.over(inputs_first_epochs).with_real_weights()
            own = replace(own, validate_every=None, patience=None)
            train(modules, step_losses, data, own, first, progress)
        for module in modules.modules():
            if isinstance(module, SearchableUnit):
                module.refit_scales()
    return train(modules, step_losses, data, settings, task, progress)


def unfinished_files(resume_from: Path) -> tuple[Path, ...]:
    """All files of unfinished states that `train_inputs_first` may leave for this `Task.resume_from`."""
    return resume_from, _inputs_file(resume_from)


def _inputs_file(resume_from: Path) -> Path:
    return resume_from.with_name(f"{resume_from.stem}-inputs{resume_from.suffix}")
