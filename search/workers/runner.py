"""Ray Tune runs the trials: it asks the controller through a searcher, and tells it through a callback."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune import Callback
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import Searcher

from search.controller.controller import Controller, Done
from search.controller.objectives import OBJECTIVES
from search.errors import RunError
from search.workers.session import ray_session
from search.workers.share import Share
from search.workers.worker import MakeScorer, ScoringTrial
from trainers.progress import Progress, SilentProgress, Stage
from trainers.scoring.scorer import Score

FAILURES_IN_A_ROW = 10
"""So many failures one after another, or two a worker where that is more, are no candidate's fault.

A lost disk or a full GPU fails everything within seconds, and what failed is never proposed again. Where every other
candidate diverges by itself, ten in a row are one in a thousand; a stop in vain costs one more start.
"""
ALL_REASONS = "The reasons of all stand in the column 'reason' of the run's trials.parquet."
NO_CAUSE = "The actor never ran"
"""What Ray adds, below the cause, about a worker that died while it was set up."""


def run_trials(
    controller: Controller,
    parts: Any,
    make_scorer: MakeScorer,
    *,
    workers: int = 1,
    address: str | None = None,
    progress: Progress | None = None,
    on_finished: Callable[[dict[str, object]], None] | None = None,
) -> Done:
    """Score what the controller proposes until it is done, `workers` candidates at a time.

    `parts` are broadcast once through the object store, and each worker calls `make_scorer(parts)` once. A candidate
    whose score raises, or whose worker dies over it, is recorded as failed with its reason, and the search goes on.
    `on_finished` gets the row of each finished trial. Raises RunError when a worker can't be set up, which leaves its
    candidate to the next start, or when nothing but failures comes back (FAILURES_IN_A_ROW). After that, as after
    KeyboardInterrupt or death, the same call goes on where it stopped.
    Returns why the search is over: its trials are spent, or the space is exhausted, which the progress says too.
    """
    shown = progress or SilentProgress()
    with shown.stage("search", controller.trials) as stage:
        recorder = _Recorder(controller, stage, workers, on_finished, shown.note)
        if controller.done() is None:
            shown.note(f"search: starting {workers} worker{'s' if workers > 1 else ''}, which takes some seconds")
            with ray_session(address, workers) as folder:
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


def _tuner(
    controller: Controller, recorder: "_Recorder", folder: Path, workers: int, parts: Any, make_scorer: MakeScorer
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
    """What the user allows: OMP_NUM_THREADS, which torch would follow if Ray didn't set it for its workers."""
    allowed = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, int(allowed)) if allowed.isdecimal() else sys.maxsize


class _Proposer(Searcher):
    """Asks the controller. What came of a trial goes through the recorder, whose errors Tune doesn't swallow."""

    def __init__(self, controller: Controller, workers: int) -> None:
        super().__init__()
        self._controller = controller
        self._workers = workers

    def suggest(self, trial_id: str) -> Any:
        if self._controller.in_flight >= self._workers:
            return None
        asked = self._controller.ask()
        if isinstance(asked, Done):
            return Searcher.FINISHED
        return {"number": asked.number, "candidate": dict(asked.candidate)}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Nothing: see the class."""

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the journal is the state."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: the journal is the state."""


class _EachToItsWorker(FIFOScheduler):
    """Tune's own lets a free worker take the oldest waiting trial, and then ends the worker that was starting for it.

    Where a score is shorter than a start, one worker would do everything and the others never get ready. Without a say
    of the scheduler's, a free worker gets the new trial that was proposed for it.
    """

    def choose_trial_to_run(self, tune_controller: Any) -> None:
        return None


class _Recorder(Callback):
    """Tells the controller, at the end of each step of Tune's loop: there an error of ours ends the search."""

    def __init__(
        self,
        controller: Controller,
        stage: Stage,
        workers: int = 1,
        on_finished: Callable[[dict[str, object]], None] | None = None,
        note: Callable[[str], None] | None = None,
    ) -> None:
        self._controller = controller
        self._stage = stage
        self._on_finished = on_finished or (lambda row: None)
        self._say = note or (lambda text: None)
        self._arrived: list[tuple[int, dict[str, Any]]] = []
        self._begun: set[str] = set()
        self._failed = 0
        self._failures_to_stop = max(FAILURES_IN_A_ROW, 2 * workers)
        self._failures_in_a_row: list[str] = []
        self._figures: dict[str, float | str] = {}
        done = controller.records()
        self._note(done)
        self._stage.resume(len(done), **self._figures)

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._begun.add(trial.trial_id)

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._arrived.append((trial.config["number"], trial.last_result))

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        # A worker that dies before its trial begins has not seen the candidate.
        kind = "failed" if trial.trial_id in self._begun else "broken"
        self._arrived.append((trial.config["number"], {kind: f"the worker died: {_cause_of_death(trial)}"}))

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        """Tell all that has arrived, so that no score is lost; only then stop for what is no candidate's fault."""
        arrived, self._arrived = self._arrived, []
        for number, result in arrived:
            if "broken" not in result:
                self._tell(number, result)
        broken = next((result["broken"] for _, result in arrived if "broken" in result), None)
        if broken is not None:
            raise RunError(
                f"A worker could not be set up: {broken.rstrip('.')}. No candidate is recorded as failed for it. "
                "Remove the cause, then start the same command again: it goes on where it stopped."
            )
        if len(self._failures_in_a_row) >= self._failures_to_stop and self._controller.done() is None:
            raise RunError(
                f"{len(self._failures_in_a_row)} candidates failed one after another, the last with: "
                f"{self._failures_in_a_row[-1].rstrip('.')}. {ALL_REASONS} So many are no candidate's fault. Remove "
                "the cause, then start the same command again: it goes on where it stopped, but without these; in "
                "another folder (--run-dir) they are tried again."
            )

    def _tell(self, number: int, result: dict[str, Any]) -> None:
        if "score" in result:
            row = self._controller.tell(number, Score(**result["score"]))
        else:
            row = self._controller.tell_failed(number, result["failed"])
        if row["state"] == "failed":
            self._failures_in_a_row.append(str(row["reason"]))
        else:
            self._failures_in_a_row.clear()
        self._show([row])
        self._on_finished(row)

    def _show(self, rows: list[dict[str, object]]) -> None:
        """Advance the stage by these rows."""
        self._note(rows)
        self._stage.advance(len(rows), **self._figures)

    def _note(self, rows: list[dict[str, object]]) -> None:
        """The latest accuracy, the best one and the number of failures; why the first of them failed is said, once."""
        accuracy = next((name for name in self._controller.objectives if OBJECTIVES[name] == "maximize"), None)
        for row in rows:
            if row["state"] == "failed":
                if not self._failed:
                    why = str(row["reason"]).rstrip(".")
                    self._say(f"search: candidate {row['id']} failed with: {why}. {ALL_REASONS}")
                self._failed += 1
                self._figures["failed"] = self._failed
                continue
            if accuracy is not None:
                latest = round(float(str(row[accuracy])), 4)
                self._figures |= {accuracy: latest, "best": max(latest, float(self._figures.get("best", latest)))}


def _cause_of_death(trial: Trial) -> str:
    """The last line of what Ray noted, without its advice: the exception, or how the process ended."""
    lines = Path(trial.error_file).read_text().split("\n") if trial.error_file else []
    telling = [line.strip() for line in lines if line.strip() and not line.startswith(NO_CAUSE)]
    return telling[-1].split(" Some common causes")[0] if telling else "for an unknown reason"
