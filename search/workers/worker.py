"""What runs in a worker: a scorer, built once, that scores one candidate per Tune trial."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import torch
from ray import tune

from search.controller.controller import Proposal
from search.controller.objectives import Scored
from search.workers.installation import package_folders
from search.workers.reasons import error_reason
from spaces.candidate import Candidate


class ScoresCandidates(Protocol):
    """Turns a candidate into a score, at a higher rung with more effort; may raise, which makes a failed trial."""

    def score(self, candidate: Candidate, rung: int = 0) -> Scored: ...


MakeScorer = Callable[[Any], ScoresCandidates]
"""Makes a scorer from the broadcast parts. Workers import it, so it must be a function of a module."""


@dataclass(frozen=True)
class Measured:
    """A score on its way from a worker to the controller, which knows the costs by itself."""

    metrics: Mapping[str, float]
    seconds: Mapping[str, float]


class ScoringTrial(tune.Trainable):
    """A Tune trial whose actor is kept for the next one, and with it the scorer."""

    def setup(  # type: ignore[override]  # tune.with_parameters adds the rest
        self, config: dict[str, Any], *, parts: Any, make_scorer: MakeScorer, threads: int
    ) -> None:
        # Workers times threads must not exceed the cores: two workers with two threads each on two cores are 8x slower.
        torch.set_num_threads(threads)
        self._broken: str | None = None
        try:
            package_folders()
            self._scorer = make_scorer(parts)
        except Exception as error:  # noqa: BLE001 - sent to the driver, which ends the search: no candidate's fault
            self._broken = error_reason(error)

    def step(self) -> dict[str, Any]:
        if self._broken is not None:
            return {"done": True, "broken": self._broken}
        try:
            proposal = Proposal.of(self.config)
            score = self._scorer.score(proposal.candidate, proposal.rung)
        except Exception as error:  # noqa: BLE001 - a candidate may fail in any way here: it is recorded
            return {"done": True, "failed": error_reason(error)}
        return {"done": True, "score": asdict(Measured(score.metrics, score.seconds))}

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.config = new_config
        return True
