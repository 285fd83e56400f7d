"""Ask and tell: what to try next, and what came of it. The journal is the truth, the study in memory only its image."""

import copy
import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from search.controller.journal import InFlight, Journal, record
from search.controller.objectives import Scored, directions, figure, not_finite
from search.controller.repeatable import ProposingSampler, durable_distributions
from search.controller.samplers import sampler_from_seed
from spaces.candidate import Candidate
from spaces.space import SearchSpace


@dataclass(frozen=True)
class Proposal:
    """A canonical candidate to score, under the number that its result must come back with."""

    number: int
    candidate: Candidate


class Done(enum.Enum):
    """Why nothing more is proposed."""

    BUDGET = "all trials of the run have been proposed"
    EXHAUSTED = "every candidate of the search space has been proposed"


class Controller:
    """Proposes candidates, each canonical one once, and records what became of them.

    `trials` counts the whole run, complete and failed, over all its starts. `initial` candidates are proposed first.
    `constraints` are upper bounds of costs: a trial above one is complete but not feasible. What an earlier process
    had given out without hearing of it again is proposed first, under the same numbers.
    With one worker the proposals depend on the seed and the scores alone, however often the run was taken up again.
    """

    def __init__(
        self,
        space: SearchSpace,
        journal: Journal,
        *,
        objectives: Sequence[str],
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
        self._constraints = dict(constraints or {})
        self._initial = list({space.canonical(candidate): candidate for candidate in initial}.values())
        self._size = space.size
        self._seen: set[Candidate] = set()
        self._running: dict[int, tuple[Trial, Candidate]] = {}
        self._waiting: dict[int, InFlight] = {}
        from_seed = sampler_from_seed(sampler, trials=trials, workers=workers)
        proposing = ProposingSampler(space, from_seed, seed=seed, seen=self._seen)
        self._distributions = proposing.distributions
        self._durable = durable_distributions(space)
        self._study = optuna.create_study(directions=directions(objectives), sampler=proposing)
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
            self._enqueue(dict(self._space.complete(self._initial[self._asked])))
        trial = self._study.ask(self._distributions)
        # The study's own record of the trial: trial.params would be a deep copy of it.
        frozen = self._study.get_trials(deepcopy=False)[trial.number]
        candidate = self._space.canonical(Candidate(frozen.params))
        self._asked = max(self._asked, trial.number + 1)
        self._waiting.pop(trial.number, None)
        self._seen.add(candidate)
        self._running[trial.number] = (trial, candidate)
        self._journal.note_in_flight(InFlight(trial.number, frozen.params, _kept(frozen)))
        return Proposal(trial.number, candidate)

    def done(self) -> Done | None:
        """Why nothing more would be proposed, or None while something would."""
        if self.finished + len(self._running) >= self.trials:
            return Done.BUDGET
        if not self._waiting and len(self._seen) >= self._size:
            return Done.EXHAUSTED
        return None

    def tell(self, number: int, score: Scored) -> dict[str, object]:
        """Record a score, durably, and return its row. A figure that is no finite number makes it a failed trial."""
        broken = not_finite(score, [*self.objectives, *self._constraints])
        if broken:
            return self.tell_failed(number, ", ".join(broken))
        trial, candidate = self._take(number)
        for name, bound in self._constraints.items():
            trial.set_constraint(name, figure(name, score) - bound)
        finished = self._study.tell(trial, [figure(name, score) for name in self.objectives])
        costs = dict(score.costs)
        if "memory_bits" in costs:
            costs["memory_mb"] = figure("memory_mb", score)
        figures = {"metrics": dict(score.metrics), "costs": costs, "seconds": dict(score.seconds)}
        return self._record(finished, candidate, None, figures)

    def tell_failed(self, number: int, reason: str) -> dict[str, object]:
        """Record, durably, that a candidate could not be scored, and return its row. It is not proposed again."""
        trial, candidate = self._take(number)
        finished = self._study.tell(trial, state=TrialState.FAIL)
        return self._record(finished, candidate, reason, {"metrics": {}, "costs": {}, "seconds": {}})

    def records(self) -> list[dict[str, object]]:
        """The rows of all finished trials of the run, in the order in which they finished."""
        return self._journal.records()

    def _take(self, number: int) -> tuple[Trial, Candidate]:
        if number not in self._running:
            raise ValueError(f"No proposal {number} is in flight; in flight are {sorted(self._running)}.")
        return self._running.pop(number)

    def _record(
        self, trial: FrozenTrial, candidate: Candidate, reason: str | None, figures: Mapping[str, Mapping[str, float]]
    ) -> dict[str, object]:
        noted = {"number": trial.number, "id": candidate.id, "reason": reason, "candidate": dict(candidate), **figures}
        kept = create_trial(
            state=trial.state,
            values=trial.values,
            params=trial.params,
            distributions=self._durable,
            user_attrs=noted,
            system_attrs=_kept(trial),
        )
        self._journal.append(kept)
        self.finished += 1
        if not self._running and self.done() is not None:  # nothing asks any more
            self._journal.tidy_in_flight()
        return record(kept)

    def _rebuild(self) -> None:
        """Put the finished trials and those in flight where they were; a number that left no trace stays empty."""
        finished = {trial.user_attrs["number"]: trial for trial in self._journal.trials()}
        self._journal.tidy_in_flight()
        in_flight = {one.number: one for one in self._journal.in_flight()}
        for number in range(max([*finished, *in_flight], default=-1) + 1):
            if number in finished:
                trial = copy.copy(finished[number])  # the journal's own stays as it is
                trial.distributions = self._distributions
                self._study.add_trial(trial)
                self._seen.add(Candidate(finished[number].user_attrs["candidate"]))
            elif number in in_flight:
                self._waiting[number] = in_flight[number]
                self._enqueue(in_flight[number].params, in_flight[number].system_attrs)
            else:
                self._study.add_trial(create_trial(state=TrialState.FAIL))
            self._asked = number + 1
        self.finished = len(finished)

    def _enqueue(self, params: Mapping[str, object], system_attrs: Mapping[str, object] | None = None) -> None:
        """Add a trial with fixed parameters, which the study gives out before it samples any other."""
        if params.keys() == self._distributions.keys():
            self._seen.add(self._space.canonical(Candidate(dict(params))))  # type: ignore[arg-type]
        noted = {**(system_attrs or {}), "fixed_params": dict(params)}
        self._study.add_trial(create_trial(state=TrialState.WAITING, system_attrs=noted))


def _kept(trial: FrozenTrial) -> dict[str, object]:
    """What the sampler and the constraints noted with a trial, without what the trial's own parameters say already."""
    repeated = ("fixed_params", "tpe:relative_params")
    return {key: value for key, value in trial.system_attrs.items() if not key.startswith(repeated)}
