"""Gives the controller the results of Tune's trials, and stops a search whose failures are no candidate's fault."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial

from search.controller.controller import Controller
from search.controller.proposal import Proposal
from search.errors import RunError
from search.workers.assignments import NODES_LOST, Assignments
from search.workers.reasons import DIED, cause_of_death, report_of_death
from search.workers.standing import ALL_REASONS, Standing
from search.workers.worker import Measured
from trainers.progress import Stage

FAILURES_IN_A_ROW = 10
"""This many failures one after another, or two per worker where that is more, end the search.

A lost disk or a full GPU makes every candidate fail within seconds, and a failed one is never proposed again. Where
every other candidate diverges by itself, ten in a row are one in a thousand; a needless stop costs one more start.
"""
NODE_DEATHS = ("node has died", "node was terminated", "temporarily unavailable")
"""What Ray says of a worker whose node or connection was lost, which is no fault of the candidate."""


class Recorder(Callback):
    """Records each result as it arrives, and gives its worker the next candidate.

    An error of ours waits for the end of the step of Tune's loop: Tune takes what is raised before for a fault of its
    trial. Raises RunError there when a worker could not be set up, or after too many failures in a row.
    """

    def __init__(
        self,
        controller: Controller,
        assignments: Assignments,
        stage: Stage,
        workers: int = 1,
        on_results: Callable[[list[dict[str, object]]], None] | None = None,
        note: Callable[[str], None] | None = None,
    ) -> None:
        self._controller = controller
        self._assignments = assignments
        self._stage = stage
        self._on_results = on_results or (lambda rows: None)
        self._finished: list[dict[str, object]] = []
        self.recorded = 0
        """How many results were recorded, of all rungs, failed ones included."""
        self._standing = Standing(controller.problem, note or (lambda text: None), controller.rungs)
        self._note = note or (lambda text: None)
        self._started: set[str] = set()
        self._broken: str | None = None
        self._error: Exception | None = None
        self._failures_to_stop = max(FAILURES_IN_A_ROW, 2 * workers)
        self._failures_in_a_row: list[str] = []
        self._standing.add(controller.records())
        self._stage.resume(self._standing.candidates, **self._standing.figures())

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its callbacks for a restore that never comes, because the journal is the state."""
        return {}

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._started.add(trial.trial_id)
        with self._raised_later():
            self._assignments.assign(trial)

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        with self._raised_later():
            proposal = self._assignments.release(trial)
            if "broken" in result:
                self._broken = result["broken"]
                return
            if proposal is not None:
                self._record(proposal, result)
            if self._assignments.limit.reason(trial.trial_id) is None:  # else its worker is being ended
                self._assignments.assign(trial)

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        with self._raised_later():
            report, late = report_of_death(trial), self._assignments.limit.reason(trial.trial_id)
            cause = cause_of_death(report)
            if late is None and any(death in report for death in NODE_DEATHS):
                self._note("search: a node was lost; what it scored is scored again elsewhere")
                proposal = self._assignments.node_lost(trial)
                cause = f"its node was lost, {NODES_LOST} times: {cause}"
            else:
                proposal = self._assignments.release(trial)
                if trial.trial_id not in self._started:  # it has not seen a candidate
                    self._broken = f"{DIED}{cause}"
            if proposal is not None:
                self._record(proposal, {"failed": late or f"{DIED}{cause}"})

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        """End workers that hang, and the search if need be: all results that have arrived are recorded by now."""
        finished, self._finished = self._finished, []
        self._on_results(finished)
        self._assignments.limit.enforce()
        if self._error is not None:
            raise self._error
        if self._broken is not None:
            raise RunError(
                f"A worker could not be set up: {self._broken.rstrip('.')}. No candidate is recorded as failed for it. "
                "Remove the cause, then start the same command again: it goes on where it stopped."
            )
        if len(self._failures_in_a_row) >= self._failures_to_stop and self._controller.done() is None:
            raise RunError(
                f"{len(self._failures_in_a_row)} candidates failed one after another, the last with: "
                f"{self._failures_in_a_row[-1].rstrip('.')}. {ALL_REASONS} So many are no candidate's fault. Remove "
                "the cause, then start the same command again: it goes on where it stopped, but without these; in "
                "another folder (--run-dir) they are tried again."
            )

    def workers_killed(self, report: str) -> None:
        """Ray ended a worker in a way that ends all others too: record its candidate as failed."""
        for proposal in self._assignments.all_lost(report):
            self._record(proposal, {"failed": f"{DIED}{cause_of_death(report)}"})
        self.on_step_end(0, [])

    @contextmanager
    def _raised_later(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - raised at the end of the step: see the class
            self._error = self._error or error

    def _record(self, proposal: Proposal, result: dict[str, Any]) -> None:
        if "score" in result:
            row = self._controller.tell(proposal.number, Measured(**result["score"]), proposal.rung)
        else:
            row = self._controller.tell_failed(proposal.number, result["failed"], proposal.rung)
        if row["state"] == "failed":
            self._failures_in_a_row.append(str(row["reason"]))
        else:
            self._failures_in_a_row.clear()
        before = self._standing.candidates
        self._standing.add([row])
        self._stage.advance(self._standing.candidates - before, **self._standing.figures())
        self._finished.append(row)
        self.recorded += 1
