"""What the controller gives out: a proposal to score, or the reason why there is none."""

import datetime
import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optuna.trial import Trial

from spaces.candidate import Candidate, Value


@dataclass(frozen=True)
class Proposal:
    """A canonical candidate to score at a rung, under the number that its result must come back with."""

    number: int
    candidate: Candidate
    rung: int = 0

    def config(self) -> dict[str, Any]:
        """As plain values, which a worker takes."""
        return {"number": self.number, "rung": self.rung, "candidate": dict(self.candidate)}


class Done(enum.Enum):
    """Why nothing more is proposed."""

    BUDGET = "all trials of the run have been proposed"
    EXHAUSTED = "every candidate of the search space has been proposed"


@dataclass(frozen=True)
class Running:
    """A proposal that has been given out. `trial` is the study's; a promotion has none, only the parameters."""

    proposal: Proposal
    trial: Trial | None
    params: Mapping[str, Value]
    started: datetime.datetime
