"""Which worker scores which candidate, and which candidates are scored again because their node was lost."""

from collections import Counter
from typing import Protocol

from search.controller.controller import Controller, Done, Proposal
from search.workers.time_limit import TimeLimit

NODES_LOST = 3
"""A candidate whose node is lost this often is recorded as failed: it may be what takes the nodes down."""

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
        self._again: list[Proposal] = []
        self._losses: Counter[int] = Counter()

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
        if isinstance(proposal, Done):
            actor.assign.remote(None, idle_seconds=0.0 if self.over else IDLE_SECONDS)
            return
        self._held[trial.trial_id] = proposal
        actor.assign.remote(proposal.config())
        self.limit.begin(proposal.number, actor)

    def release(self, trial: Worker) -> int | None:
        """The number of the candidate that the worker has, which is no longer its own; None where it has none."""
        proposal = self._held.pop(trial.trial_id, None)
        if proposal is None:
            return None
        self.limit.end(proposal.number)
        return proposal.number

    def late(self, trial: Worker) -> str | None:
        """Why the worker's candidate has no score, where the worker was ended for taking too long."""
        proposal = self._held.get(trial.trial_id)
        return None if proposal is None else self.limit.reason(proposal.number)

    def node_lost(self, trial: Worker) -> int | None:
        """Have another worker score the candidate again. Returns its number where that has been tried enough."""
        proposal = self._held.pop(trial.trial_id, None)
        if proposal is None:
            return None
        self.limit.end(proposal.number)
        self._losses[proposal.number] += 1
        if self._losses[proposal.number] >= NODES_LOST:
            return proposal.number
        self._again.append(proposal)
        return None
