"""What runs in each process of a training: the same job as without Ray, with a group of torch.distributed set up.

The first process sends its progress, its states and its result to the launcher, from which the driver takes them.
"""

import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import ray
import torch
from ray.exceptions import RayError
from torch import nn

from search.workers.installation import package_folders
from search.workers.launcher import misses_another
from search.workers.reasons import error_reason
from search.workers.worker import limit_threads
from trainers.data.batches import TrainingData
from trainers.progress import Event, Progress, Stage
from trainers.training.loop import Task
from trainers.training.processes import Processes

D = TypeVar("D", bound=TrainingData)
D_contra = TypeVar("D_contra", bound=TrainingData, contravariant=True)


class Job(Protocol[D_contra]):
    """A training of modules in place. It is sent to each process."""

    @property
    def modules(self) -> nn.Module:
        """What is trained."""

    def move(self, device: torch.device) -> None:
        """Move all that the training needs to a device."""

    def train(self, data: D_contra, task: Task, progress: Progress) -> Any:
        """Train in place; what it returns must hold no tensor of a GPU."""


@dataclass(frozen=True)
class Assignment(Generic[D]):
    """What each process gets, once, through the object store."""

    job: Job[D]
    data: D
    task: Task


@dataclass(frozen=True)
class Trained:
    """The end of a training: all tensors of its modules, on the CPU, and what its job returned."""

    state: Mapping[str, torch.Tensor]
    returned: Any


def train_in_process(config: Mapping[str, Any]) -> None:
    """A process's part of a training. config: `assignment` (a reference), `launcher` (an actor), `threads`, `on_gpu`.

    An error is sent to the launcher and raised; one that comes of the loss of another process is only raised.
    """
    launcher = config["launcher"]
    try:
        package_folders()
        limit_threads(config["threads"])
        _train(ray.get(config["assignment"]), launcher, on_gpu=config["on_gpu"])
    except Exception as error:
        if not misses_another(error):
            ray.get(launcher.post.remote("error", portable(error)))
        raise


def _train(assignment: Assignment[Any], launcher: Any, *, on_gpu: bool) -> None:
    job = assignment.job
    job.move(torch.device("cuda", torch.cuda.current_device()) if on_gpu else torch.device("cpu"))
    task = replace(assignment.task, storage=SentStates(launcher))
    returned = job.train(assignment.data, task, SentProgress(launcher))
    if Processes.of_this_training().first:
        state = {name: tensor.detach().cpu() for name, tensor in job.modules.state_dict().items()}
        ray.get(launcher.post.remote("trained", Trained(state, returned)))


class SentStates:
    """States of unfinished trainings, kept by the launcher under the names of their files."""

    def __init__(self, launcher: Any) -> None:
        self._launcher = launcher

    def load(self, file: Path) -> dict[str, Any] | None:
        """The state that was saved last, by this process or one before it."""
        content = ray.get(self._launcher.state.remote(file.name))
        if content is None:
            return None
        state: dict[str, Any] = torch.load(BytesIO(content.tobytes()), map_location="cpu", weights_only=True)
        return state

    def save(self, file: Path, state: Mapping[str, Any]) -> None:
        """Send the state, which the driver writes to the file."""
        content = BytesIO()
        torch.save(dict(state), content)
        ray.get(self._launcher.keep.remote(file.name, np.frombuffer(content.getbuffer(), np.uint8)))


class SentProgress:
    """Sends stages and notes to the launcher: the driver shows and records them."""

    def __init__(self, launcher: Any) -> None:
        self._launcher = launcher

    @contextmanager
    def stage(self, name: str, total: int, at_once: int = 1) -> Iterator[Stage]:
        self._post("stage", (name, total, at_once))
        yield _SentStage(self._launcher)
        self._post("end", None)

    def note(self, text: str) -> None:
        self._post("note", text)

    def record(self, event: Event) -> None:
        self._post("record", event)

    def _post(self, kind: str, content: object) -> None:
        ray.get(self._launcher.post.remote(kind, content))


class _SentStage:
    def __init__(self, launcher: Any) -> None:
        self._launcher = launcher

    def advance(self, n: int = 1, **figures: float | str) -> None:
        ray.get(self._launcher.post.remote("advance", (n, figures)))

    def resume(self, n: int, **figures: float | str) -> None:
        ray.get(self._launcher.post.remote("resume", (n, figures)))


def portable(error: Exception) -> Exception:
    """The error itself, or its text where it can't be sent: Ray takes errors of its own for faults of the sending."""
    if isinstance(error, RayError):
        return RuntimeError(error_reason(error))
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    except Exception:  # noqa: BLE001 - an error's own code runs here
        return RuntimeError(error_reason(error))
    return error
