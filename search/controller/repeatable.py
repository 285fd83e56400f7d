"""Makes any sampler's proposals repeatable from seed and trial number, and each of them new."""

import copy
import random
from collections.abc import Container, Mapping, Sequence
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from search.controller.novelty import new_candidate_near
from search.controller.problem import FromSeed
from spaces.candidate import Candidate
from spaces.space import SearchSpace

ATTEMPTS, FEWEST, ALL_BEFORE = 20, 3, 100
"""How many repetitions a sampler may propose before the last one is changed instead: all up to that trial, then in
inverse proportion to the number of trials, down to the fewest."""


def attempts(number: int) -> int:
    """How often the candidate of a trial is drawn before a repetition is changed instead.

    A draw of TPE takes time in proportion to the trials before it. In a small space it repeats itself nearly always,
    so that redrawing one proposal of a long search would take half a second.
    """
    return min(ATTEMPTS, max(FEWEST, ATTEMPTS * ALL_BEFORE // (number + 1)))


def derived_seed(seed: int, number: int, attempt: int) -> int:
    """A seed of 32 bits for one attempt at one proposal."""
    return int(np.random.SeedSequence([seed, number, attempt]).generate_state(1)[0])


class KnobDistribution(CategoricalDistribution):
    """A categorical distribution that is its own copy, and equal to itself without a look at its choices.

    Optuna copies and compares the distribution of every knob several times per trial, though none ever changes. Only
    for the study in memory: a journal holds Optuna's own classes.
    """

    def __eq__(self, other: object) -> bool:
        return self is other or super().__eq__(other)

    __hash__ = CategoricalDistribution.__hash__

    def __deepcopy__(self, memo: object) -> Self:
        return self


def distributions(space: SearchSpace) -> dict[str, BaseDistribution]:
    """The space as Optuna sees it: every knob categorical, in the space's order."""
    return {knob.key: KnobDistribution(knob.choices) for knob in space.knobs}


def durable_distributions(space: SearchSpace) -> dict[str, BaseDistribution]:
    """The space in Optuna's own class, for a journal."""
    return {knob.key: CategoricalDistribution(knob.choices) for knob in space.knobs}


@runtime_checkable
class Recorded(Protocol):
    """A sampler that needs more of a finished trial than Optuna keeps by itself."""

    def attributes(self, number: int) -> Mapping[str, object]:
        """The user attributes, as JSON values, that a record must keep of this trial."""


class ProposingSampler(BaseSampler):
    """Samples the whole space at once, so that a proposal depends on seed, trial number and finished trials alone.

    Each attempt has a sampler of its own with a derived seed: nothing random is carried from trial to trial, so a
    resumed run proposes what an uninterrupted one does. A proposal whose canonical candidate is in `proposed` (scored,
    failed or in flight) is drawn again, as often as `attempts` says; then the last one is changed until it is new.
    """

    def __init__(self, space: SearchSpace, from_seed: FromSeed, *, seed: int, proposed: Container[Candidate]) -> None:
        self._space = space
        self._from_seed = from_seed
        self._listener = from_seed(0)  # follows the trials and never samples
        self._seed = seed
        self._proposed = proposed
        self._latest: tuple[dict[str, Any], Candidate] = {}, Candidate({})
        self.distributions = distributions(space)
        self._open = {key: one for key, one in self.distributions.items() if not one.single()}

    def attributes(self, number: int) -> Mapping[str, object]:
        """The user attributes that the record must keep of this trial for the sampler."""
        return self._listener.attributes(number) if isinstance(self._listener, Recorded) else {}

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self._listener.before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        self._listener.after_trial(study, trial, state, values)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self.distributions

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        for attempt in range(attempts(trial.number)):
            inner = self._from_seed(derived_seed(self._seed, trial.number, attempt))
            drawn = self._sample(inner, study, trial)
            if self.canonical(drawn) not in self._proposed:
                return drawn
        rng = random.Random(derived_seed(self._seed, trial.number, ATTEMPTS))
        return dict(new_candidate_near(self._space, Candidate(drawn), self._proposed, rng))

    def canonical(self, params: dict[str, Any]) -> Candidate:
        """The canonical candidate of full parameters. That of the latest ones is not made anew."""
        if params != self._latest[0]:
            self._latest = dict(params), self._space.canonical(Candidate(params))
        return self._latest[1]

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        raise RuntimeError(f"{param_name} is not a knob of the space.")

    def _sample(self, inner: BaseSampler, study: Study, trial: FrozenTrial) -> dict[str, Any]:
        drawn = inner.sample_relative(study, trial, self._open)
        grown = copy.copy(trial)  # some samplers look at what the trial has so far
        grown.params, grown.distributions = {}, {}
        for knob in self._space.knobs:
            key = knob.key
            if key not in self._open:
                value = knob.choices[0]
            elif key in drawn:
                value = drawn[key]
            else:
                value = inner.sample_independent(study, grown, key, self._open[key])
            grown.params[key], grown.distributions[key] = value, self.distributions[key]
        return grown.params
