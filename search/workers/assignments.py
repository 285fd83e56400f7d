"""Which worker scores which candidate, and which candidates are scored again because their worker was lost."""

import re
from collections import Counter
from typing import Protocol

from search.controller.controller import Controller
from search.controller.proposal import Proposal
from search.workers.time_limit import TimeLimit

NODES_LOST = 3
"""A candidate whose node is lost this often is recorded as failed: it may be what takes the nodes down."""
ACTOR_ID = re.compile(r"\b[0-9a-f]{32}\b")
"""As Ray prints it for an actor and in its reports."""

IDLE_SECONDS = 1.0


class Worker(Protocol):
    """A Tune trial, which scores one candidate after another: its actor takes the next one."""

    trial_id: str

    @property
    def temporary_state(self) -> object: ...


class Assignments:
    """Hands the controller's proposals to workers, each of which has one at a time.

    A worker gets its next candidate when the result of the last one is recorded, so that with one worker the proposals
    depend on the scores alone. The actor gets it in a call of its own before the step that scores it: Ray keeps the
    order of calls to an actor. `limit` ends a worker that takes too long.
    """

    def __init__(self, controller: Controller, limit: TimeLimit | None = None) -> None:
        self._controller = controller
        self.limit = limit or TimeLimit()
        self._held: dict[str, Proposal] = {}
        self._actors: dict[str, str] = {}
        self._again: list[Proposal] = []
        self._losses: Counter[tuple[int, int]] = Counter()

    @property
    def held(self) -> int:
        """How many candidates workers have now."""
        return len(self._held)

    @property
    def waiting(self) -> bool:
        """Whether a worker that comes now would get a candidate."""
        return bool(self._again) or self._controller.done() is None

    @property
    def over(self) -> bool:
        """Whether nothing is proposed any more and nothing is being scored."""
        return self._controller.in_flight == 0 and self._controller.done() is not None

    def assign(self, trial: Worker) -> None:
        """Give a worker its next candidate, or a moment without one: what others score may still make it needed."""
        proposal = self._again.pop(0) if self._again else self._controller.ask()
        actor = trial.temporary_state.ray_actor  # type: ignore[attr-defined]  # Tune's, and any object in tests
        if not isinstance(proposal, Proposal):
            actor.assign.remote(None, idle_seconds=0.0 if self.over else IDLE_SECONDS)
            return
        self._held[trial.trial_id] = proposal
        self._actors[trial.trial_id] = str(actor)
        actor.assign.remote(proposal.config())
        self.limit.begin(trial.trial_id, actor)

    def release(self, trial: Worker) -> Proposal | None:
        """What the worker has, which is no longer its own; None where it has nothing."""
        return self._release(trial.trial_id)

    def node_lost(self, trial: Worker) -> Proposal | None:
        """Have another worker score what this one has. Returns it where that has been tried often enough."""
        return self._again_or_given_up(self._release(trial.trial_id))

    def all_lost(self, report: str) -> list[Proposal]:
        """Every worker is gone, because Ray ended the one that its report names. Returns the candidates to blame.

        These are what the named worker had; where none is named, what the only one had. The others are scored again;
        so are all where none is to blame, until that has been tried often enough.
        """
        named = set(ACTOR_ID.findall(report))
        ended = {one for one in self._held if named & set(ACTOR_ID.findall(self._actors[one]))}
        if not named and len(self._held) == 1:
            ended = set(self._held)
        blamed: list[Proposal | None] = []
        for one in list(self._held):
            proposal = self._release(one)
            if one in ended:
                blamed.append(proposal)
            elif ended:
                self._again.extend(filter(None, [proposal]))
            else:
                blamed.append(self._again_or_given_up(proposal))
        return [proposal for proposal in blamed if proposal is not None]

    def _release(self, trial_id: str) -> Proposal | None:
        self.limit.end(trial_id)
        self._actors.pop(trial_id, None)
        return self._held.pop(trial_id, None)

    def _again_or_given_up(self, proposal: Proposal | None) -> Proposal | None:
        if proposal is None:
            return None
        self._losses[proposal.number, proposal.rung] += 1
        if self._losses[proposal.number, proposal.rung] >= NODES_LOST:
            return proposal
        self._again.append(proposal)
        return None
