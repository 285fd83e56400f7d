"""Gives the controller the results of Tune's trials, and stops a search whose failures are no candidate's fault."""

from collections.abc import Callable
from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial

from search.controller.controller import Controller
from search.errors import RunError
from search.workers.reasons import death_reason
from search.workers.standing import ALL_REASONS, Standing
from search.workers.time_limit import TimeLimit
from search.workers.worker import Measured
from trainers.progress import Stage

FAILURES_IN_A_ROW = 10
"""This many failures one after another, or two per worker where that is more, end the search.

A lost disk or a full GPU makes every candidate fail within seconds, and a failed one is never proposed again. Where
every other candidate diverges by itself, ten in a row are one in a thousand; a needless stop costs one more start.
"""


class Recorder(Callback):
    """Records results at the end of each step of Tune's loop, where an error of ours ends the search.

    Raises RunError there when a worker could not be set up, or after too many failures in a row.
    """

    def __init__(
        self,
        controller: Controller,
        stage: Stage,
        workers: int = 1,
        on_finished: Callable[[dict[str, object]], None] | None = None,
        note: Callable[[str], None] | None = None,
        limit: TimeLimit | None = None,
    ) -> None:
        self._controller = controller
        self._stage = stage
        self._on_finished = on_finished or (lambda row: None)
        self._standing = Standing(controller.problem, note or (lambda text: None))
        self._limit = limit or TimeLimit()
        self._arrived: list[tuple[int, dict[str, Any]]] = []
        self._started: set[str] = set()
        self._failures_to_stop = max(FAILURES_IN_A_ROW, 2 * workers)
        self._failures_in_a_row: list[str] = []
        self._standing.add(controller.records())
        self._stage.resume(self._standing.candidates, **self._standing.figures())

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its callbacks for a restore that never comes, because the journal is the state."""
        return {}

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._started.add(trial.trial_id)
        self._limit.begin(trial.config["number"], trial.temporary_state.ray_actor)

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._limit.end(trial.config["number"])
        self._arrived.append((trial.config["number"], trial.last_result))

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        # A worker that dies before its trial begins has not seen the candidate.
        kind = "failed" if trial.trial_id in self._started else "broken"
        number = trial.config["number"]
        self._limit.end(number)
        self._arrived.append((number, {kind: self._limit.reason(number) or death_reason(trial)}))

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        """Record all results that have arrived, so that no score is lost; only then stop the search if need be."""
        self._limit.enforce()
        arrived, self._arrived = self._arrived, []
        for number, result in arrived:
            if "broken" not in result:
                self._record(number, result)
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

    def _record(self, number: int, result: dict[str, Any]) -> None:
        if "score" in result:
            row = self._controller.tell(number, Measured(**result["score"]))
        else:
            row = self._controller.tell_failed(number, result["failed"])
        if row["state"] == "failed":
            self._failures_in_a_row.append(str(row["reason"]))
        else:
            self._failures_in_a_row.clear()
        before = self._standing.candidates
        self._standing.add([row])
        self._stage.advance(self._standing.candidates - before, **self._standing.figures())
        self._on_finished(row)
