"""Ask and tell: which candidate to try next, and what came of it.

The journal is the truth; the study in memory is rebuilt from it at every start.
"""

import copy
import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from search.controller.journal import InFlight, Journal, record
from search.controller.novelty import Exhaustion
from search.controller.objectives import Scored, directions, figure, not_finite
from search.controller.problem import SearchProblem
from search.controller.repeatable import ProposingSampler, durable_distributions
from search.controller.samplers import sampler_from_seed
from spaces.candidate import Candidate, Value
from spaces.space import SearchSpace


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


class Controller:
    """Proposes candidates, each canonical one once, and records what became of them.

    `costs` gives every cost of a canonical candidate: costs are known before scoring. `constraints` are upper bounds of
    costs: a trial above one is complete but not feasible.
    `trials` counts the whole run, complete and failed, over all its starts. `initial` candidates are proposed first.
    Proposals whose results an earlier process never recorded come before all others, under the same numbers.
    With one worker the proposals depend on the seed and the scores alone, however often the run was resumed.
    """

    def __init__(
        self,
        space: SearchSpace,
        journal: Journal,
        *,
        objectives: Sequence[str],
        costs: Callable[[Candidate], Mapping[str, float]],
        trials: int,
        sampler: str,
        seed: int = 0,
        workers: int = 1,
        constraints: Mapping[str, float] | None = None,
        initial: Iterable[Candidate] = (),
    ) -> None:
        self.trials = trials
        self._space = space
        self._journal = journal
        self.objectives = tuple(objectives)
        self._costs = costs
        self._constraints = dict(constraints or {})
        self._initial = list({space.canonical(candidate): candidate for candidate in initial}.values())
        self._proposed: set[Candidate] = set()
        self._exhaustion = Exhaustion(space, self._proposed)
        self._running: dict[int, tuple[Trial, Proposal]] = {}
        self._waiting: set[int] = set()
        self.problem = SearchProblem(
            space, costs, self.objectives, MappingProxyType(self._constraints), trials, workers
        )
        samplers = sampler_from_seed(sampler, self.problem)
        self._sampler = ProposingSampler(space, samplers, seed=seed, proposed=self._proposed)
        self._durable = durable_distributions(space)
        self._study = optuna.create_study(directions=directions(objectives), sampler=self._sampler)
        self._asked = 0
        self.finished = 0
        self._rebuild()

    @property
    def in_flight(self) -> int:
        """How many proposals have been given out and not come back."""
        return len(self._running)

    def ask(self) -> Proposal | Done:
        """The next candidate to score, or why there is none."""
        if (done := self.done()) is not None:
            return done
        if not self._waiting and self._asked < len(self._initial):
            self._enqueue(self._space.complete(self._initial[self._asked]))
        trial = self._study.ask(self._sampler.distributions)
        attributes = dict(self._sampler.attributes(trial.number))
        for key, value in attributes.items():
            trial.set_user_attr(key, value)
        # The study's own record of the trial: trial.params would be a deep copy of it.
        params = self._study.get_trials(deepcopy=False)[trial.number].params
        proposal = Proposal(trial.number, self._space.canonical(Candidate(params)))
        self._asked = max(self._asked, trial.number + 1)
        self._waiting.discard(trial.number)
        self._proposed.add(proposal.candidate)
        self._running[trial.number] = (trial, proposal)
        self._journal.note_in_flight(InFlight(trial.number, params, attributes))
        return proposal

    def done(self) -> Done | None:
        """Why nothing more would be proposed, or None while something would."""
        if self.finished + len(self._running) >= self.trials:
            return Done.BUDGET
        if not self._waiting and self._exhaustion.reached():
            return Done.EXHAUSTED
        return None

    def tell(self, number: int, score: Scored) -> dict[str, object]:
        """Record a score, durably, and return its row. A figure that is no finite number makes it a failed trial.

        Raises ValueError for a number that is not in flight, and when an objective or a bounded cost has no figure.
        """
        trial, proposal = self._running_trial(number)
        costs = dict(self._costs(proposal.candidate))
        figures = {**score.metrics, **costs}
        broken = not_finite(figures, [*self.objectives, *self._constraints])
        if broken:
            return self.tell_failed(number, ", ".join(broken))
        for name, bound in self._constraints.items():
            trial.set_constraint(name, figure(name, figures) - bound)
        finished = self._study.tell(trial, [figure(name, figures) for name in self.objectives])
        parts = {"metrics": dict(score.metrics), "costs": costs, "seconds": dict(score.seconds)}
        return self._record(finished, proposal, None, parts)

    def tell_failed(self, number: int, reason: str) -> dict[str, object]:
        """Record, durably, that a candidate could not be scored, and return its row. It is not proposed again."""
        trial, proposal = self._running_trial(number)
        finished = self._study.tell(trial, state=TrialState.FAIL)
        return self._record(finished, proposal, reason, {"metrics": {}, "costs": {}, "seconds": {}})

    def records(self) -> list[dict[str, object]]:
        """The rows of all finished trials of the run, in the order in which they finished."""
        return self._journal.records()

    def _running_trial(self, number: int) -> tuple[Trial, Proposal]:
        if number not in self._running:
            raise ValueError(f"No proposal {number} is in flight; in flight are {sorted(self._running)}.")
        return self._running[number]

    def _record(
        self, trial: FrozenTrial, proposal: Proposal, reason: str | None, figures: Mapping[str, Mapping[str, float]]
    ) -> dict[str, object]:
        candidate = proposal.candidate
        row = {
            "number": proposal.number,
            "rung": proposal.rung,
            "id": candidate.id,
            "reason": reason,
            "candidate": dict(candidate),
            **figures,
        }
        durable = create_trial(
            state=trial.state,
            values=trial.values,
            params=trial.params,
            distributions=self._durable,
            user_attrs={**trial.user_attrs, **row},
            system_attrs=trial.system_attrs,
        )
        durable.datetime_start, durable.datetime_complete = trial.datetime_start, trial.datetime_complete
        self._journal.append(durable)
        del self._running[proposal.number]
        self.finished += 1
        if not self._running and self.done() is not None:  # nothing asks any more
            self._journal.tidy_in_flight()
        return record(durable)

    def _rebuild(self) -> None:
        """Put finished trials and those in flight back under their numbers; a number that left no trace stays empty."""
        finished = {trial.user_attrs["number"]: trial for trial in self._journal.trials()}
        self._journal.tidy_in_flight()
        in_flight = {proposal.number: proposal for proposal in self._journal.in_flight()}
        for number in range(max([*finished, *in_flight], default=-1) + 1):
            if number in finished:
                trial = copy.copy(finished[number])  # the journal's own stays as it is
                trial.distributions = self._sampler.distributions
                self._study.add_trial(trial)
                self._proposed.add(Candidate(trial.user_attrs["candidate"]))
            elif number in in_flight:
                self._waiting.add(number)
                self._enqueue(in_flight[number].params, in_flight[number].user_attrs)
            else:
                self._study.add_trial(create_trial(state=TrialState.FAIL))
            self._asked = number + 1
        self.finished = len(finished)

    def _enqueue(self, params: Mapping[str, Value], user_attrs: Mapping[str, object] | None = None) -> None:
        """Add a trial with fixed parameters, which the study gives out before it samples any other."""
        if params.keys() == self._sampler.distributions.keys():
            self._proposed.add(self._space.canonical(Candidate(params)))
        self._study.enqueue_trial(dict(params), user_attrs=dict(user_attrs or {}))
