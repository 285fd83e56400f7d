"""The sampler that models accuracy as a sum over knobs and knows the costs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from search.controller.problem import FromSeed
from search.controller.repeatable import durable_distributions
from search.controller.structured.memory import Memory
from search.controller.structured.predictions import PREDICTED
from search.controller.structured.proposal import best_options, random_options
from search.controller.structured.sites import Options

TRUSTED, DISTRUSTED = 0.25, 0.75
"""The model's error, in standard deviations of the scores, up to which it makes all proposals, and from which half."""
SHARED = 0.5
"""The greatest share of proposals that the other sampler makes."""


class StructuredSampler(BaseSampler):
    """Proposes the best candidate under a draw from the posterior of a linear model, at a price of the known costs.

    It serves any study over the knobs of a `SearchSpace`. memory: shared by all samplers of a study. other: makes the
    sampler of a share of the proposals while the model predicts badly. start: so many trials are random at first.
    """

    def __init__(self, *, seed: int, memory: Memory, other: FromSeed, start: int) -> None:
        self._seed, self._rng = seed, np.random.default_rng(seed)
        self._memory = memory
        self._other = other
        self._start = start
        self._study: Study | None = None

    def attributes(self, number: int) -> Mapping[str, object]:
        """What the model says of a trial before it is scored: a record of it shows how good the model is."""
        predicted = self._memory.predicted(self._study, number) if self._study is not None else {}
        return {PREDICTED: predicted} if predicted else {}

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self._study = study

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        if state == TrialState.COMPLETE and PREDICTED not in trial.user_attrs:
            self._memory.predicted(study, trial.number)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return durable_distributions(self._memory.problem.space)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        memory = self._memory
        memory.update(study)
        if trial.number < self._start or not memory.ready:
            return self._params(random_options(memory, self._rng), search_space)
        if self._rng.random() < other_share(memory.misfit()):
            params = self._other(self._seed).sample_relative(study, trial, search_space)
            if self._is_new(params):
                return params
        options = best_options(memory, self._rng)
        return self._params(random_options(memory, self._rng) if options is None else options, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        raise RuntimeError(f"{param_name} is not a knob of the space.")

    def _params(self, options: Options, search_space: Mapping[str, BaseDistribution]) -> dict[str, Any]:
        params = self._memory.sites.params(options)
        return {key: params[key] for key in search_space}

    def _is_new(self, params: Mapping[str, Any]) -> bool:
        """Whether the other sampler has proposed something, for the first time and within the bounds."""
        if not params:
            return False
        memory = self._memory
        full = {knob.key: knob.choices[0] for knob in memory.problem.space.knobs} | dict(params)
        options = memory.sites.options(full)
        if options is None or options.tobytes() in memory.proposed:
            return False
        return bool(memory.costs.feasible(options[None])[0])


def other_share(misfit: float) -> float:
    """The share of proposals that are left to the other sampler when the model's error is `misfit`."""
    return SHARED * min(max((misfit - TRUSTED) / (DISTRUSTED - TRUSTED), 0.0), 1.0)
