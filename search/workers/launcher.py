"""The actor that holds a training's processes: Ray Train's TorchTrainer runs in it, and what they send waits in it.

It stands between the processes and the driver, which alone writes the run folder. The processes and Ray Train's
controller belong to it: where it ends, or is killed, Ray ends them all.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import ray
import torch.distributed as dist
from numpy.typing import NDArray
from ray.exceptions import OutOfMemoryError, RayActorError
from ray.train.torch import TorchConfig, TorchTrainer
from ray.train.v2.api.config import FailureConfig, RunConfig, ScalingConfig
from ray.train.v2.api.exceptions import ControllerError, TrainingFailedError, WorkerGroupError

from search.workers.reasons import PROCESS_ENDED

ENVIRONMENT = {
    "RAY_TRAIN_V2_ENABLED": "1",
    "RAY_TRAIN_METRICS_ENABLED": "0",
    "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": "600",  # Ray's own 60 s are too few on a busy machine
    "RAY_TRAIN_ENABLE_PRINT_PATCH": "0",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",  # one process less: a node that is taken away is lost like any other
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
}

Message = tuple[str, Any]
"""What kind of message, and its content."""


@dataclass(frozen=True)
class Layout:
    """How a training's processes are placed. cpus, gpus: of each."""

    processes: int
    cpus: float
    gpus: float
    folder: str
    """For Ray Train's own files, of which we read none."""


class Launcher:
    """Runs one attempt of a training after the other. Its methods may run at the same time."""

    def __init__(self, states: Mapping[str, NDArray[np.uint8]]) -> None:
        self._states = dict(states)
        self._messages: list[Message] = []
        self._lock = threading.Lock()

    def fit(self, number: int, train: Callable[[Mapping[str, Any]], None], config: dict[str, Any], at: Layout) -> str:
        """Run the processes of an attempt. Returns Ray's report where they didn't come to their end, or nothing."""
        resources = {"CPU": at.cpus, **({"GPU": at.gpus} if at.gpus else {})}
        trainer = TorchTrainer(
            train,
            train_loop_config={**config, "launcher": ray.get_runtime_context().current_actor},
            scaling_config=ScalingConfig(
                num_workers=at.processes, use_gpu=bool(at.gpus), resources_per_worker=resources
            ),
            run_config=RunConfig(  # type: ignore[arg-type]  # typed as those of Ray Train's first version
                name=f"attempt-{number}",
                storage_path=at.folder,
                # The driver decides about another attempt: it knows a user's error from a lost process.
                failure_config=FailureConfig(max_failures=0, controller_failure_limit=0),
            ),
            torch_config=TorchConfig(backend="nccl" if at.gpus else "gloo"),
        )
        try:
            trainer.fit()
        except TrainingFailedError as error:
            return _report(error)
        return ""

    def post(self, kind: str, content: Any) -> None:
        """Leave a message for the driver."""
        with self._lock:
            self._messages.append((kind, content))

    def take(self) -> list[Message]:
        """The messages since the last call."""
        with self._lock:
            messages, self._messages = self._messages, []
        return messages

    def keep(self, name: str, content: NDArray[np.uint8]) -> None:
        """Keep a state of the training under a file's name, and leave word of it."""
        with self._lock:
            self._states[name] = content
            self._messages.append(("state", name))

    def state(self, name: str) -> NDArray[np.uint8] | None:
        """The state that was kept last under this name."""
        with self._lock:
            return self._states.get(name)


def _report(error: TrainingFailedError) -> str:
    """Ray's report of a process that was lost; the others failed because they missed it."""
    if isinstance(error, ControllerError):
        return str(error.controller_failure)
    failures = list(error.worker_failures.values()) if isinstance(error, WorkerGroupError) else [error]
    lost = [one for one in failures if isinstance(one, (RayActorError, OutOfMemoryError))]
    if not lost and any(misses_another(one) for one in failures):  # they were quicker to see it than Ray
        return PROCESS_ENDED
    return str((lost or failures)[0])


def misses_another(error: BaseException) -> bool:
    """Whether torch.distributed waited in vain for another process: gloo raises a plain RuntimeError."""
    return isinstance(error, dist.DistError) or (type(error) is RuntimeError and "gloo" in str(error))
