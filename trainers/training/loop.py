"""The training loop that teachers, supernets and retrained detectors share: seeded and resumable."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from trainers.data.batches import TrainingData
from trainers.data.errors import DataError
from trainers.progress import Progress, SilentProgress
from trainers.training.finishing import finish_training
from trainers.training.memory import keep_freed_memory
from trainers.training.mixed_precision import is_slow
from trainers.training.processes import BatchNorm, Processes
from trainers.training.resuming import FILES, Position, Resumption, Storage
from trainers.training.settings import TrainSettings
from trainers.training.shared_scoring import score_shared
from trainers.training.step import StepLosses, Training
from trainers.training.validation import Validated, Validation


@dataclass(frozen=True, kw_only=True)
class Task:
    """A training's name, its seed, and the file of its unfinished state."""

    stage: str
    """Its name in progress and errors; a state of another stage isn't resumed."""
    seed: int
    described_as: Mapping[str, object] = field(default_factory=dict)
    """What else decides the result, beside settings, seed, stage and data; a state with another one isn't resumed."""
    resume_from: Path | None = None
    """The file of the unfinished state. Its caller removes it once the result is saved."""
    keep_end: bool = False
    """Whether the state of the finished training is saved too."""
    storage: Storage = FILES
    """Where that state lies."""
    batch_norm: BatchNorm = "synchronised"
    """Of a training that several processes share."""
    val: TrainingData | None = None
    """The images that the module `network` is validated on, where the settings have `validate_every`."""
    score: Callable[[nn.Module, Any, Processes], Mapping[str, float]] = score_shared
    """Its figures on them; all processes call it alike."""


def train(
    modules: nn.ModuleDict,
    step_losses: StepLosses,
    data: TrainingData,
    settings: TrainSettings,
    task: Task,
    progress: Progress | None = None,
) -> Validated | None:
    """Train all parameters in `modules`, as `Training` does in each step, in place.

    Data order and augmentation depend only on the seed and the epoch. With `task.resume_from` the state is saved in
    that file (`resuming` says how often), and a state of the same training is resumed from it. Returns what validations
    found, if there were any. Raises DivergedError when a loss or gradient isn't finite, naming every term, and
    DataError when the data doesn't fill one batch.

    Where torch.distributed is set up, its processes share each batch, see `processes`: all must call this alike.
    ValueError is raised if they can't. All validate, each on its part of the images; the first one alone shows progress
    and saves the state.
    """
    processes = Processes.of_this_training()
    processes.check_batch(settings.batch_size, settings.accumulate)
    if len(data) < settings.batch_size:
        raise DataError(
            f"the training of {task.stage}",
            f"there are {len(data)} images, fewer than its batch_size of {settings.batch_size}",
            "Give it more images or a smaller batch_size",
        )
    keep_freed_memory()
    steps = len(data) // settings.batch_size
    training = Training(
        modules,
        step_losses,
        settings,
        steps_per_epoch=steps,
        seed=task.seed,
        stage=task.stage,
        processes=processes,
    )
    validation = _validation(training, data, task)
    parts = training.parts() if validation is None else {**training.parts(), "validation": validation}
    identity = _identity(data, settings, task)
    unfinished = Resumption(task.resume_from, identity, parts, task.storage, processes, training.check)
    progress = progress if progress is not None and processes.first else SilentProgress()
    position = unfinished.resume(training.device)
    if is_slow(settings.precision, training.device):
        progress.note(f"{task.stage}: this processor has no instructions for bf16, so that float32 would be faster")
    if position is None:
        progress.note(
            f"{task.stage}: begins anew, the unfinished state has other settings, other data or another version"
        )
    at = position or Position()
    with progress.stage(task.stage, settings.epochs) as stage, processes.training(modules, task.batch_norm):
        stage.resume(at.epoch)
        ended = at.epoch == settings.epochs
        while not ended:
            _train_epoch(training, data, task.seed, at, unfinished)
            validated = {} if validation is None else validation.after(at.epoch + 1, training)
            stage.advance(1, **training.figures(at), **validated)
            at = Position(at.epoch + 1)
            ended = at.epoch == settings.epochs or (validation is not None and validation.ended)
            if not ended or task.keep_end:
                unfinished.keep(at, at_once=ended)
    training.finish()
    if validation is None:
        return None
    if at.epoch < settings.epochs:
        progress.note(f"{task.stage}: {validation.ending_text()}")
    return validation.result()


def _validation(training: Training, data: TrainingData, task: Task) -> Validation | None:
    val, settings, processes = task.val, training.settings, training.processes
    if val is None or settings.validate_every is None:
        return None
    network = training.modules["network"]
    score = partial(task.score, network, val, processes)
    return Validation(network, settings, score, partial(finish_training, network, data, settings, task.seed))


def _identity(data: TrainingData, settings: TrainSettings, task: Task) -> dict[str, object]:
    """What an unfinished state must agree with to be resumed."""
    found = {**settings.described(), "seed": task.seed, "stage": task.stage, "data": data.fingerprint()}
    if task.val is not None and settings.validate_every is not None:
        found["val"] = task.val.fingerprint()
    return {**found, **task.described_as}


def _train_epoch(training: Training, data: TrainingData, seed: int, at: Position, unfinished: Resumption) -> None:
    """Train the rest of the epoch that `at` is in; save the state between steps when it is due."""
    training.modules.train()
    size = training.settings.batch_size
    part = training.processes.part
    for batch in data.batches(size, seed=seed, epoch=at.epoch, augment=True, drop_last=True, skip=at.step, part=part):
        training.step(batch, at)
        if at.step < training.steps_per_epoch:
            unfinished.keep(at)
