"""Ray Tune runs the trials: it asks the controller through a searcher, and tells it through a callback."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune import Callback
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import Searcher

from search.controller import Controller, Done
from search.errors import RunError
from search.objectives import OBJECTIVES
from search.ray_session import ray_session
from search.ray_share import Share
from search.ray_worker import MakeScorer, ScoringTrial
from trainers.progress import Progress, SilentProgress, Stage
from trainers.scorer import Score

FAILURES_TO_STOP = 20
"""So many failures without one success are no candidate's fault."""


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
    whose score raises, or whose worker dies, is recorded as failed with its reason, and the search goes on.
    `on_finished` gets the row of each finished trial. Raises RunError when no worker can build its scorer or nothing
    but failures comes back. After KeyboardInterrupt, or death, the same call goes on where it stopped.
    Returns why the search is over: its trials are spent, or the space is exhausted, which the progress says too.
    """
    shown = progress or SilentProgress()
    with shown.stage("search", controller.trials) as stage:
        recorder = _Recorder(controller, stage, on_finished)
        if controller.done() is None:
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
    trainable = tune.with_parameters(ScoringTrial, parts=parts, make_scorer=make_scorer, threads=share.threads)
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
        self, controller: Controller, stage: Stage, on_finished: Callable[[dict[str, object]], None] | None
    ) -> None:
        self._controller = controller
        self._stage = stage
        self._on_finished = on_finished or (lambda row: None)
        self._arrived: list[tuple[int, dict[str, Any]]] = []
        self._begun: set[str] = set()
        self._failed = 0
        self._complete = 0
        self._figures: dict[str, float | str] = {}
        self._show(controller.records())

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._begun.add(trial.trial_id)

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._arrived.append((trial.config["number"], trial.last_result))

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        never_began = trial.trial_id not in self._begun and not self._complete
        kind = "broken" if never_began else "failed"
        self._arrived.append((trial.config["number"], {kind: f"the worker died: {_cause_of_death(trial)}"}))

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        while self._arrived:
            number, result = self._arrived.pop(0)
            if "broken" in result:
                raise RunError(f"No worker could be set up: {result['broken']}")
            self._tell(number, result)

    def _tell(self, number: int, result: dict[str, Any]) -> None:
        if "score" in result:
            row = self._controller.tell(number, Score(**result["score"]))
        else:
            row = self._controller.tell_failed(number, result["failed"])
        self._show([row])
        self._on_finished(row)
        if not self._complete and self._failed >= FAILURES_TO_STOP:
            raise RunError(
                f"All {self._failed} candidates of this run failed, the last with: {row['reason']}. "
                "Remove the cause and start again in another folder (--run-dir)."
            )

    def _show(self, rows: list[dict[str, object]]) -> None:
        """Advance the stage by these rows, with the latest accuracy, the best one and the number of failures."""
        accuracy = next((name for name in self._controller.objectives if OBJECTIVES[name] == "maximize"), None)
        for row in rows:
            if row["state"] == "failed":
                self._failed += 1
                self._figures["failed"] = self._failed
                continue
            self._complete += 1
            if accuracy is not None:
                latest = round(float(str(row[accuracy])), 4)
                self._figures |= {accuracy: latest, "best": max(latest, float(self._figures.get("best", latest)))}
        if rows:
            self._stage.advance(len(rows), **self._figures)


def _cause_of_death(trial: Trial) -> str:
    """The last line of what Ray noted, without its advice: the exception, or how the process ended."""
    lines = Path(trial.error_file).read_text().split("\n") if trial.error_file else []
    last = next((line.strip() for line in reversed(lines) if line.strip()), "for an unknown reason")
    return last.split(" Some common causes")[0]
