"""Ask and tell: which candidate to try next, and what came of it.

The journal is the truth; the study in memory is rebuilt from it at every start.
"""

import copy
import datetime
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from search.controller.journal import InFlight, Journal, record, rung_of
from search.controller.novelty import Exhaustion
from search.controller.objectives import Scored, directions, figure, not_finite
from search.controller.own_trials import OwnTrials, ask_sampled
from search.controller.problem import SamplerChoice, SearchProblem
from search.controller.promotion import Promotions
from search.controller.proposal import Done, Proposal, Running
from search.controller.repeatable import ProposingSampler, durable_distributions
from search.controller.samplers import sampler_from_seed
from search.errors import RunError
from spaces.candidate import Candidate, Value


class Controller:
    """Proposes candidates, each canonical one once, and records what became of them.

    A trial above one of the problem's bounds is complete but not feasible. `initial` candidates are proposed first.
    With several `rungs` about one feasible candidate in `reduction` is proposed again at the next rung, under its
    number (`promotion`): as soon as it is due, and before any new candidate. The sampler sees the first rung's scores
    alone.
    Proposals whose results an earlier process never recorded come before all others, under the same numbers.
    With one worker the proposals depend on the seed and the scores alone, however often the run was resumed.
    """

    def __init__(
        self,
        problem: SearchProblem,
        journal: Journal,
        *,
        sampler: SamplerChoice | str,
        seed: int = 0,
        initial: Iterable[Candidate] = (),
        rungs: int = 1,
        reduction: int = 3,
    ) -> None:
        self.problem = problem
        self._space = space = problem.space
        self._journal = journal
        self._initial = list({space.canonical(candidate): candidate for candidate in initial}.values())
        self._proposed: set[Candidate] = set()
        self._exhaustion = Exhaustion(space, self._proposed)
        self._running: dict[tuple[int, int], Running] = {}  # by number and rung
        self._waiting: set[int] = set()
        self._waiting_promotions: deque[tuple[int, int]] = deque()
        self.rungs = rungs
        self._promotions = Promotions(rungs, reduction)
        self._signs = [1.0 if one == "minimize" else -1.0 for one in directions(problem.objectives)]
        samplers = sampler_from_seed(sampler, problem)
        self._sampler = ProposingSampler(space, samplers, seed=seed, proposed=self._proposed)
        self._durable = durable_distributions(space)
        self._study = optuna.create_study(
            storage=OwnTrials(), directions=directions(problem.objectives), sampler=self._sampler
        )
        self._asked = 0
        self.finished = 0
        """How many candidates have finished their first rung."""
        self._rebuild()

    @property
    def in_flight(self) -> int:
        """How many proposals have been given out and not come back."""
        return len(self._running)

    def ask(self) -> Proposal | Done | None:
        """The next candidate to score, or why there is none; None where that depends on scores still to come."""
        if (done := self.done()) is not None:
            return done
        spent = self._spent() is not None
        if self._waiting_promotions:
            return self._promote(*self._waiting_promotions.popleft())
        if self._waiting and not spent:
            return self._new()
        if (due := self._promotions.due()) is not None:
            return self._promote(*due)
        return None if spent else self._new()

    def _new(self) -> Proposal:
        """A candidate for the first rung."""
        initial = not self._waiting and self._asked < len(self._initial)
        if initial:
            self._enqueue(self._space.complete(self._initial[self._asked]))
        distributions = self._sampler.distributions
        enqueued = initial or self._waiting
        trial = self._study.ask(distributions) if enqueued else ask_sampled(self._study, distributions)
        attributes = dict(self._sampler.attributes(trial.number))
        for key, value in attributes.items():
            trial.set_user_attr(key, value)
        # The study's own record of the trial: trial.params would be a deep copy of it.
        params = self._study.get_trials(deepcopy=False)[trial.number].params
        proposal = Proposal(trial.number, self._sampler.canonical(params))
        self._asked = max(self._asked, trial.number + 1)
        self._waiting.discard(trial.number)
        self._proposed.add(proposal.candidate)
        return self._give_out(proposal, trial, params, attributes)

    def _promote(self, number: int, rung: int) -> Proposal:
        params = self._study.get_trials(deepcopy=False)[number].params
        self._promotions.given_out(number, rung)
        return self._give_out(Proposal(number, self._space.canonical(Candidate(params)), rung), None, params, {})

    def _give_out(
        self, proposal: Proposal, trial: Trial | None, params: dict[str, Value], attributes: dict[str, Any]
    ) -> Proposal:
        number, rung = proposal.number, proposal.rung
        self._running[number, rung] = Running(proposal, trial, params, datetime.datetime.now())
        self._journal.note_in_flight(InFlight(number, params, attributes, rung))
        return proposal

    def done(self) -> Done | None:
        """Why nothing more would be proposed, or None while something would, or may when scores have come in."""
        spent = self._spent()
        if spent is None or self._waiting_promotions or self._promotions.due() is not None:
            return None
        return None if any(rung < self._promotions.last for _, rung in self._running) else spent

    def _spent(self) -> Done | None:
        """Why no new candidate is proposed, or None while one is."""
        if self.finished + sum(rung == 0 for _, rung in self._running) >= self.problem.trials:
            return Done.BUDGET
        if not self._waiting and self._exhaustion.reached():
            return Done.EXHAUSTED
        return None

    def tell(self, number: int, score: Scored, rung: int = 0) -> dict[str, object]:
        """Record a score, durably, and return its row. A figure that is no finite number makes it a failed trial.

        Raises ValueError for a number that is not in flight at that rung, and when an objective or a bounded cost has
        no figure.
        """
        running = self._running_at(number, rung)
        objectives, bounds = self.problem.objectives, self.problem.constraints
        costs = dict(self.problem.costs(running.proposal.candidate))
        figures = {**score.metrics, **costs}
        broken = not_finite(figures, [*objectives, *bounds])
        if broken:
            return self.tell_failed(number, ", ".join(broken), rung)
        constraints = {name: figure(name, figures) - bound for name, bound in bounds.items()}
        values = [figure(name, figures) for name in objectives]
        finished = self._finished(running, TrialState.COMPLETE, values, constraints)
        parts = {"metrics": dict(score.metrics), "costs": costs, "seconds": dict(score.seconds)}
        return self._record(finished, running.proposal, None, parts)

    def tell_failed(self, number: int, reason: str, rung: int = 0) -> dict[str, object]:
        """Record, durably, that a candidate could not be scored, and return its row.

        It is not proposed again; scores of lower rungs stay.
        """
        running = self._running_at(number, rung)
        finished = self._finished(running, TrialState.FAIL)
        return self._record(finished, running.proposal, reason, {"metrics": {}, "costs": {}, "seconds": {}})

    def records(self) -> list[dict[str, object]]:
        """The rows of all finished trials of the run, in the order in which they finished."""
        return self._journal.records()

    def _running_at(self, number: int, rung: int) -> Running:
        if (number, rung) not in self._running:
            at, others = f" at rung {rung}" if rung else "", sorted(one for one, its in self._running if its == rung)
            raise ValueError(f"No proposal {number} is in flight{at}; in flight are {others}.")
        return self._running[number, rung]

    def _finished(
        self,
        running: Running,
        state: TrialState,
        values: list[float] | None = None,
        constraints: Mapping[str, float] | None = None,
    ) -> FrozenTrial:
        """The trial with its end. That of the first rung ends in the study too."""
        bounded = dict(constraints or {})
        if running.trial is not None:
            for name, value in bounded.items():
                running.trial.set_constraint(name, value)
            return self._study.tell(running.trial, values, state)
        params, distributions = dict(running.params), self._durable
        trial = create_trial(
            state=state, values=values, params=params, distributions=distributions, constraints=bounded
        )
        trial.datetime_start = running.started
        return trial

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
        trial.distributions = self._durable  # of the study's copy, which is ours
        trial.user_attrs = {**trial.user_attrs, **row}
        self._journal.append(trial)
        self._take_in(trial)
        del self._running[proposal.number, proposal.rung]
        if not self._running and self.done() is not None:  # nothing asks any more
            self._journal.tidy_in_flight()
        return record(trial)

    def _take_in(self, trial: FrozenTrial) -> None:
        """Count a finished trial, and let it go on to the next rung if it may."""
        number, rung = trial.user_attrs["number"], rung_of(trial)
        self.finished += rung == 0
        if trial.state == TrialState.COMPLETE and all(value <= 0 for value in trial.constraints.values()):
            values = [value * sign for value, sign in zip(trial.values, self._signs, strict=True)]
            self._promotions.add(number, rung, values)

    def _rebuild(self) -> None:
        """Put finished trials and those in flight back under their numbers; a number that left no trace stays empty."""
        self._journal.tidy_in_flight()
        given_out = self._journal.in_flight()
        self._rebuild_promotions(given_out)
        finished = {trial.user_attrs["number"]: trial for trial in self._journal.trials() if rung_of(trial) == 0}
        in_flight = {proposal.number: proposal for proposal in given_out if proposal.rung == 0}
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

    def _rebuild_promotions(self, given_out: Iterable[InFlight]) -> None:
        trials = self._journal.trials()
        promoted = [(trial.user_attrs["number"], rung_of(trial)) for trial in trials]
        highest = max((rung for _, rung in promoted), default=0)
        if highest > self._promotions.last:
            raise RunError(
                f"{self._journal.place} has scores of rung {highest}; this search ends at rung {self._promotions.last}."
            )
        self._waiting_promotions.extend((one.number, one.rung) for one in given_out if one.rung > 0)
        for number, rung in [*promoted, *self._waiting_promotions]:
            self._promotions.given_out(number, rung)
        for trial in trials:
            self._take_in(trial)

    def _enqueue(self, params: Mapping[str, Value], user_attrs: Mapping[str, object] | None = None) -> None:
        """Add a trial with fixed parameters, which the study gives out before it samples any other."""
        if params.keys() == self._sampler.distributions.keys():
            self._proposed.add(self._space.canonical(Candidate(params)))
        self._study.enqueue_trial(dict(params), user_attrs=dict(user_attrs or {}))
