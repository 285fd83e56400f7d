"""Ray Tune runs the trials: a searcher asks the controller for candidates, the recorder gives it their results."""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.exceptions import ObjectStoreFullError, OutOfDiskError
from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import Searcher

from search.controller.controller import Controller, Done
from search.errors import RunError
from search.workers.recorder import Recorder
from search.workers.session import ray_session
from search.workers.share import Share
from search.workers.time_limit import TimeLimit
from search.workers.worker import MakeScorer, ScoringTrial
from trainers.progress import Progress, SilentProgress
from trainers.whole_files import naming_errors


def run_trials(
    controller: Controller,
    parts: Any,
    make_scorer: MakeScorer,
    *,
    workers: int = 1,
    address: str | None = None,
    timeout: float | None = None,
    progress: Progress | None = None,
    on_finished: Callable[[dict[str, object]], None] | None = None,
) -> Done:
    """Score what the controller proposes until it is done, `workers` candidates at a time.

    `parts` are broadcast once through the object store, and each worker calls `make_scorer(parts)` once. A candidate
    whose score raises, or whose worker dies over it, is recorded as failed with its reason, and the search goes on.
    `on_finished` gets the row of each finished trial. Raises RunError when a worker can't be set up, which leaves its
    candidate to the next start, or when nothing but failures comes back (`recorder`). After that, as after a
    KeyboardInterrupt or the death of the process, the same call goes on where it stopped.
    Returns why the search is over: its trials are spent, or the space is exhausted, which the progress reports too.
    """
    progress = progress or SilentProgress()
    with progress.stage("search", controller.trials, workers) as stage:
        recorder = Recorder(controller, stage, workers, on_finished, progress.note, TimeLimit(timeout))
        if controller.done() is None:
            progress.note(f"search: starting {workers} worker{'s' if workers > 1 else ''}, which takes some seconds")
            with ray_session(address, workers) as folder, _full_disk(folder):
                _tuner(controller, recorder, folder, workers, parts, make_scorer).fit()
        done = controller.done()
        if done is None or controller.in_flight:
            raise RunError(
                f"Ray ended the search after {controller.finished} of {controller.trials} trials. "
                "The same command goes on where it stopped."
            )
        if done is Done.EXHAUSTED:
            stage.advance(0, ended=f"early: {done.value}")
    return done


@contextmanager
def _full_disk(folder: Path) -> Iterator[None]:
    """Errors of Ray that come from a full disk name no file: they get the name of the session's folder."""
    try:
        with naming_errors(folder):
            yield
    except (OutOfDiskError, ObjectStoreFullError) as error:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder)) from error


def _tuner(
    controller: Controller, recorder: Recorder, folder: Path, workers: int, parts: Any, make_scorer: MakeScorer
) -> tune.Tuner:
    share = Share.of([node["Resources"] for node in ray.nodes() if node["Alive"]], workers)
    threads = min(share.threads, _most_threads())
    trainable = tune.with_parameters(ScoringTrial, parts=parts, make_scorer=make_scorer, threads=threads)
    return tune.Tuner(
        tune.with_resources(trainable, {"cpu": share.cpus, "gpu": share.gpus}),
        tune_config=tune.TuneConfig(
            search_alg=_Proposer(controller, workers),
            scheduler=_EachToItsWorker(),
            num_samples=-1,
            reuse_actors=True,
            trial_dirname_creator=lambda trial: f"{trial.config['number']}",
        ),
        run_config=tune.RunConfig(
            name="trials",
            storage_path=str(folder),
            verbose=0,
            callbacks=[recorder],
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
        ),
    )


def _most_threads() -> int:
    """The user's limit: OMP_NUM_THREADS, which torch would follow if Ray didn't set it for its workers."""
    allowed = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, int(allowed)) if allowed.isdecimal() else sys.maxsize


class _Proposer(Searcher):
    """Asks the controller. Results go through the recorder, because Tune swallows the errors of a searcher."""

    def __init__(self, controller: Controller, workers: int) -> None:
        super().__init__()
        self._controller = controller
        self._workers = workers

    def suggest(self, trial_id: str) -> Any:
        if self._controller.in_flight >= self._workers:
            return None
        proposal = self._controller.ask()
        return Searcher.FINISHED if isinstance(proposal, Done) else proposal.config()

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Nothing: see the class."""

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its searcher for a restore that never comes, because the journal is the state."""
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the journal is the state."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: the journal is the state."""


class _EachToItsWorker(FIFOScheduler):
    """Gives a free worker the new trial that was proposed for it, by leaving the choice to Tune's loop.

    Tune's own scheduler lets a free worker take the oldest waiting trial, and then ends the worker that was starting
    for that trial. Where a score is shorter than a start, one worker would do everything, and the others never get
    ready.
    """

    def choose_trial_to_run(self, tune_controller: Any) -> None:
        return None
