"""What runs in a worker: a scorer, built once, that scores one candidate after another.

Each worker imports this module, so it imports neither torch, which a scorer brings if it needs it, nor Optuna.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ray import tune

from search.workers.installation import package_folders
from search.workers.reasons import error_reason
from spaces.candidate import Candidate

if TYPE_CHECKING:
    from search.controller.objectives import Scored


class ScoresCandidates(Protocol):
    """Turns a candidate into a score, at a higher rung with more effort; may raise, which makes a failed trial."""

    def score(self, candidate: Candidate, rung: int = 0) -> "Scored": ...


MakeScorer = Callable[[Any], ScoresCandidates]
"""Makes a scorer from the broadcast parts. Workers import it, so it must be a function of a module."""


@dataclass(frozen=True)
class Measured:
    """A score on its way from a worker to the controller, which knows the costs by itself."""

    metrics: Mapping[str, float]
    seconds: Mapping[str, float]


class ScoringTrial(tune.Trainable):
    """A Tune trial that is a worker: each of its steps scores the candidate that the driver has assigned before.

    A Tune trial for each candidate would cost more than a second of the driver's time with many workers.
    """

    def setup(  # type: ignore[override]  # tune.with_parameters adds the rest
        self, config: dict[str, Any], *, parts: Any, make_scorer: MakeScorer, threads: int
    ) -> None:
        # Workers times threads must not exceed the cores: two workers with two threads each on two cores are 8x slower.
        limit_threads(threads)
        self._assigned: dict[str, Any] | None = None
        self._idle_seconds = 0.0
        self._broken: str | None = None
        try:
            package_folders()
            self._scorer = make_scorer(parts)
        except Exception as error:  # noqa: BLE001 - sent to the driver, which ends the search: no candidate's fault
            self._broken = error_reason(error)

    def assign(self, proposal: dict[str, Any] | None, idle_seconds: float = 0.0) -> None:
        """Take the candidate for the next step, as `Proposal.config()`; for None that step only lets time pass."""
        self._assigned, self._idle_seconds = proposal, idle_seconds

    def step(self) -> dict[str, Any]:
        if self._broken is not None:
            return {"done": True, "broken": self._broken}
        if self._assigned is None:
            time.sleep(self._idle_seconds)
            return {}
        assigned, self._assigned = self._assigned, None
        try:
            score = self._scorer.score(Candidate(assigned["candidate"]), assigned["rung"])
        except Exception as error:  # noqa: BLE001 - a candidate may fail in any way here: it is recorded
            return {"failed": error_reason(error)}
        return {"score": asdict(Measured(score.metrics, score.seconds))}


def limit_threads(threads: int) -> None:
    """Limit torch where the scorer uses it: it is imported by now, with the scorer's module, or reads the variable."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(threads)
