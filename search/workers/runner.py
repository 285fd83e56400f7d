"""Ray Tune runs the workers, a trial of its own each; the recorder takes their results and hands out candidates."""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ray import tune
from ray.exceptions import ObjectStoreFullError, OutOfDiskError, OutOfMemoryError
from ray.tune.search import Searcher

from search.controller.controller import Controller
from search.controller.proposal import Done
from search.errors import RunError
from search.workers.assignments import Assignments
from search.workers.nodes import THIS_MACHINE, Nodes, NodeWatch, living_nodes
from search.workers.reasons import cause_of_death
from search.workers.recorder import Recorder
from search.workers.session import ray_session
from search.workers.share import Share
from search.workers.time_limit import TimeLimit
from search.workers.worker import MakeScorer, ScoringTrial
from trainers.progress import Progress, SilentProgress
from trainers.whole_files import naming_errors

FRUITLESS_STARTS = 3
"""So many starts of the workers, ended by a full memory without a finished trial, end the search."""


def run_trials(
    controller: Controller,
    parts: Any,
    make_scorer: MakeScorer,
    *,
    workers: int = 1,
    nodes: Nodes = THIS_MACHINE,
    progress: Progress | None = None,
    on_results: Callable[[list[dict[str, object]]], None] | None = None,
) -> Done:
    """Score what the controller proposes until it is done, `workers` candidates at a time.

    `parts` are broadcast once through the object store, and each worker calls `make_scorer(parts)` once. A candidate
    whose score raises, or whose worker dies over it, is recorded as failed with its reason, and the search goes on.
    `on_results` gets the rows of the trials that have finished, several times a second, and often none.
    Raises RunError when a worker can't be set up, which leaves its candidate to the next start, or when nothing but
    failures comes back (`recorder`). After that, as after a KeyboardInterrupt or the death of the process, the same
    call goes on where it stopped.
    Returns why the search is over: its trials are spent, or the space is exhausted, which the progress reports too.
    """
    progress = progress or SilentProgress()

    def run_workers() -> None:
        with ray_session(nodes.address, workers) as folder, full_disk(folder):
            share = Share.of(living_nodes(), workers, nodes.demand)
            if share.places < workers:
                progress.note(f"search: {share.places} of {workers} workers have a place; the others wait for nodes")
            callbacks = [recorder, NodeWatch(share, assignments, progress.note)]
            searcher = _WorkerStarter(controller, assignments, workers)
            _tuner(_trainable(share, parts, make_scorer), searcher, assignments, callbacks, folder).fit()

    with progress.stage("search", controller.problem.trials, workers) as stage:
        assignments = Assignments(controller, TimeLimit(nodes.timeout))
        recorder = Recorder(controller, assignments, stage, workers, on_results, progress.note)
        if controller.done() is None:
            progress.note(f"search: starting {workers} worker{'s' if workers > 1 else ''}, which takes some seconds")
            _run_until_over(run_workers, recorder, assignments, progress)
        done = _why_over(controller)
        if done is Done.EXHAUSTED:
            stage.advance(0, ended=f"early: {done.value}")
    return done


def _why_over(controller: Controller) -> Done:
    """Raises RunError where Ray came to its end before the search did."""
    done = controller.done()
    if done is None or controller.in_flight:
        raise RunError(
            f"Ray ended the search after {controller.finished} of {controller.problem.trials} trials. "
            "The same command goes on where it stopped."
        )
    return done


@contextmanager
def full_disk(folder: Path) -> Iterator[None]:
    """Errors of Ray that come from a full disk name no file: they get the name of the session's folder."""
    try:
        with naming_errors(folder):
            yield
    except (OutOfDiskError, ObjectStoreFullError) as error:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder)) from error


def _run_until_over(
    run_workers: Callable[[], None], recorder: Recorder, assignments: Assignments, progress: Progress
) -> None:
    """Run the workers, and start them again where Ray ended them for a full memory.

    Raises RunError after `FRUITLESS_STARTS` starts in which no trial was finished.
    """
    fruitless, before = 0, recorder.recorded
    while (report := _report_of_full_memory(run_workers)) is not None:
        recorder.workers_killed(report)
        if assignments.over:
            return
        fruitless, before = 0 if recorder.recorded > before else fruitless + 1, recorder.recorded
        if fruitless == FRUITLESS_STARTS:
            raise RunError(
                f"Ray ended the workers {fruitless} times before a candidate was scored: {cause_of_death(report)}. "
                "The same command goes on where it stopped."
            )
        progress.note("search: the memory was full, so Ray ended a worker; the workers are started again")


def _report_of_full_memory(run_workers: Callable[[], None]) -> str | None:
    """Run the workers; the report of Ray's memory monitor if it ended one of them amid a score.

    Tune ends with such an error, since it isn't that of an actor's death (ray.exceptions.RayActorError).
    """
    try:
        run_workers()
    except RuntimeError as error:
        if isinstance(error.__cause__, OutOfMemoryError):
            return str(error.__cause__)
        raise
    return None


def _trainable(share: Share, parts: Any, make_scorer: MakeScorer) -> Any:
    """A worker, with its share of a node and its parts, which are put into the object store once."""
    threads = min(share.threads, most_threads())
    trainable = tune.with_parameters(ScoringTrial, parts=parts, make_scorer=make_scorer, threads=threads)
    return tune.with_resources(trainable, share.resources())


def _tuner(
    trainable: Any,
    searcher: "_WorkerStarter",
    assignments: Assignments,
    callbacks: list[tune.Callback],
    folder: Path,
) -> tune.Tuner:
    return tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            num_samples=-1,
            reuse_actors=False,
            trial_dirname_creator=lambda trial: trial.trial_id,
        ),
        run_config=tune.RunConfig(
            name="trials",
            storage_path=str(folder),
            verbose=0,
            callbacks=callbacks,
            stop=_WhenAllIsScored(assignments),
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
        ),
    )


def most_threads() -> int:
    """The user's limit: OMP_NUM_THREADS, which torch would follow if Ray didn't set it for its workers."""
    allowed = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, int(allowed)) if allowed.isdecimal() else sys.maxsize


class _WorkerStarter(Searcher):
    """Starts as many workers as there are candidates for. Candidates come later, when a worker is ready for one."""

    def __init__(self, controller: Controller, assignments: Assignments, workers: int) -> None:
        super().__init__()
        self._controller = controller
        self._assignments = assignments
        self._workers = workers
        self._living: set[str] = set()

    def suggest(self, trial_id: str) -> Any:
        if self._assignments.over:
            return Searcher.FINISHED
        trials, finished = self._controller.problem.trials, self._controller.finished
        # With several rungs a candidate that has finished the first may come again; each is at one rung at a time.
        wanted = min(self._workers, trials - finished if self._controller.rungs == 1 else trials)
        if len(self._living) >= wanted or not self._assignments.waiting:
            return None
        self._living.add(trial_id)
        return {"worker": trial_id}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        self._living.discard(trial_id)

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its searcher for a restore that never comes, because the journal is the state."""
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the journal is the state."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: the journal is the state."""


class _WhenAllIsScored(tune.Stopper):
    """Ends the search with its last result, also while workers wait for a node that can hold them."""

    def __init__(self, assignments: Assignments) -> None:
        self._assignments = assignments

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return self._assignments.over

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: the journal is the state."""
        return {}
