"""A training in several processes of this machine or of a cluster, by Ray Train's TorchTrainer.

Without Ray the same job runs in the driver's process: see `search.stages.training`.
"""

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import ray
import torch
from numpy.typing import NDArray
from ray.exceptions import RayActorError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from search.errors import RunError
from search.workers.launcher import ENVIRONMENT, Launcher, Layout, Message
from search.workers.nodes import THIS_MACHINE, Nodes, living_nodes
from search.workers.reasons import cause_of_death
from search.workers.runner import full_disk, most_threads
from search.workers.session import ray_session
from search.workers.share import Demand, Share
from search.workers.training_process import Assignment, Job, Trained, train_in_process
from trainers.checkpoint import load_training_state
from trainers.data.batches import TrainingData
from trainers.progress import Progress, Stage
from trainers.training.inputs_first import unfinished_files
from trainers.training.loop import Task
from trainers.training.module_figures import Annealed, set_progress
from trainers.whole_files import write_whole

D = TypeVar("D", bound=TrainingData)

POLL_SECONDS = 0.2
FRUITLESS_STARTS = 3
"""So many starts of the processes, ended by a loss before anything more was saved, end the training."""

LESS_MEMORY = "lower training.workers or batch_size, or raise accumulate"


def train_in_processes(
    job: Job[D],
    data: D,
    task: Task,
    progress: Progress,
    *,
    workers: int,
    device: torch.device,
    nodes: Nodes = THIS_MACHINE,
) -> Any:
    """Train the job's modules in place, in `workers` processes at once, and return what the job returns.

    Each process takes its part of every batch. Job and data are sent once, through the object store. Where a process
    is lost, all start again from the state that was saved last. Raises what the job raises, RunError where not all
    processes fit on the nodes, or where they are lost again and again. Nothing runs any longer when this returns.
    """
    states = _states(task)
    job.move(torch.device("cpu"))
    try:
        with ray_session(nodes.address, workers) as folder, full_disk(folder):
            progress.note(f"{task.stage}: starting {workers} processes, which takes some seconds")
            trained = _Attempts(job, data, task, progress, _layout(workers, device, folder)).run(states)
    finally:
        job.move(device)
    job.modules.load_state_dict(trained.state)
    set_progress((module for module in job.modules.modules() if isinstance(module, Annealed)), 1.0)
    return trained.returned


def _layout(workers: int, device: torch.device, folder: Path) -> tuple[Layout, int]:
    """Where the processes run, and how many threads each has. Raises RunError where they don't fit."""
    demand = Demand(gpu=1.0) if device.type == "cuda" else Demand(gpu=0.0)
    share = Share.of(living_nodes(), workers, demand)
    if share.places < workers:
        what = "GPUs" if device.type == "cuda" else "cores"
        raise RunError(
            f"training.workers is {workers}, but the nodes have {what} for {share.places}, and all must run at once. "
            "Give fewer, or start more nodes with 'ray start --address=HEAD:PORT'."
        )
    return Layout(workers, share.cpus, share.gpus, str(folder)), min(share.threads, most_threads())


class _Attempts:
    """The starts of a training's processes, until one comes to its end."""

    def __init__(
        self, job: Job[Any], data: TrainingData, task: Task, progress: Progress, placed: tuple[Layout, int]
    ) -> None:
        self._task, self._progress = task, progress
        self._layout, threads = placed
        self._assignment = ray.put(Assignment(job, data, task))
        self._config = {"assignment": self._assignment, "threads": threads, "on_gpu": bool(self._layout.gpus)}
        files = () if task.resume_from is None else unfinished_files(task.resume_from)
        self._files = {file.name: file for file in files}
        self._shown = _Shown(progress)
        self._errors: list[Exception] = []
        self._trained: Trained | None = None
        self._saved = 0

    def run(self, states: Mapping[str, NDArray[np.uint8]]) -> Trained:
        """The end of the first attempt that comes to one. states: those to go on from, by the names of their files."""
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        options = {"num_cpus": 0, "max_concurrency": 16, "scheduling_strategy": here}
        actor = ray.remote(Launcher).options(**options, runtime_env={"env_vars": ENVIRONMENT})
        launcher = actor.remote(dict(states))
        try:
            return self._until_trained(launcher)
        except RayActorError as error:
            raise RunError(
                f"{self._task.stage}: the actor that starts its processes was lost: "
                f"{cause_of_death(str(error), LESS_MEMORY)}. The same command goes on where it stopped."
            ) from error
        finally:
            ray.kill(launcher)  # type: ignore[arg-type]  # and all that belongs to it
            self._shown.close()

    def _until_trained(self, launcher: Any) -> Trained:
        fruitless, number = 0, 0
        while True:
            number, before = number + 1, self._saved
            report = self._attempt(launcher, number)
            if self._errors:
                raise self._errors[0]
            if self._trained is not None:
                return self._trained
            fruitless, cause = 0 if self._saved > before else fruitless + 1, cause_of_death(report, LESS_MEMORY)
            if fruitless == FRUITLESS_STARTS:
                raise RunError(
                    f"{self._task.stage}: a process was lost in {fruitless} starts before anything more was saved: "
                    f"{cause}. The same command goes on where it stopped."
                )
            self._progress.note(
                f"{self._task.stage}: a process was lost: {cause}. All start again from the state that was saved last"
            )

    def _attempt(self, launcher: Any, number: int) -> str:
        """Ray's report where the processes didn't come to an end, or nothing."""
        running = launcher.fit.remote(number, train_in_process, self._config, self._layout)
        while True:
            ended, _ = ray.wait([running], timeout=POLL_SECONDS)
            self._take(launcher, ray.get(launcher.take.remote()))
            if ended:
                return str(ray.get(running))

    def _take(self, launcher: Any, messages: Iterable[Message]) -> None:
        kept = set()
        for kind, content in messages:
            if kind == "error":
                self._errors.append(content)
            elif kind == "trained":
                self._trained = content
            elif kind == "state":
                kept.add(content)
            else:
                self._shown.take(kind, content)
        for name in kept:
            write_whole(self._files[name], ray.get(launcher.state.remote(name)).tobytes())
            self._saved += 1


def _states(task: Task) -> dict[str, NDArray[np.uint8]]:
    """The unfinished states of a training by the names of their files. Raises CheckpointError for any other file."""
    files = [] if task.resume_from is None else [file for file in unfinished_files(task.resume_from) if file.is_file()]
    for file in files:
        load_training_state(file)
    return {file.name: np.fromfile(file, np.uint8) for file in files}


class _Shown:
    """Shows in the driver what the first process reports."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._opened = ExitStack()
        self._stage: Stage | None = None

    def take(self, kind: str, content: Any) -> None:
        if kind == "stage":
            self.close()  # one that a lost process left open
            self._stage = self._opened.enter_context(self._progress.stage(*content))
        elif kind == "note":
            self._progress.note(content)
        elif kind == "record":
            self._progress.record(content)
        elif kind == "end":
            self.close()
        elif self._stage is not None:
            count, figures = content
            getattr(self._stage, kind)(count, **figures)

    def close(self) -> None:
        self._stage = None
        self._opened.close()
