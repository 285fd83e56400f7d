"""CMA-ES for knobs that are numbers: weights, and what has two choices."""

import copy
import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from search.controller.problem import SamplerError, SearchProblem, needs
from search.controller.repeatable import durable_distributions
from spaces.space import Knob

ASKED = "bitfront:cmaes"
"""The attribute under which a record keeps a proposal's generation, and its point before it was rounded."""
NAMED = 3
"""How many knobs a message names."""


class CmaEsMemory:
    """What all samplers of one study share: the distribution that the scores so far have led to.

    A knob is the position of its choice, 0 to 1: the weights of a term are in rising order, and two choices have only
    one. CMA-ES with margin (arXiv:2205.13482) keeps such a coordinate from being stuck at one choice. The best half of
    a population moves the distribution; a candidate above a bound ranks behind all that are below. Trials that the
    distribution did not propose (initial ones, repetitions that were changed, failed ones) do not count.
    """

    def __init__(self, problem: SearchProblem, *, population_size: int | None, sigma0: float) -> None:
        self.problem = problem
        self.knobs = [knob for knob in problem.space.knobs if len(knob.choices) > 1]
        _check(problem, self.knobs)
        needs("cmaes", "'cmaes'")
        steps = np.array([1 / (len(knob.choices) - 1) for knob in self.knobs])
        self._optimizer = importlib.import_module("cmaes").CMAwM(
            mean=np.full(len(self.knobs), 0.5),
            sigma=sigma0,
            bounds=np.tile([0.0, 1.0], (len(self.knobs), 1)),
            steps=steps,
            population_size=population_size,
        )
        self.asked: dict[int, tuple[int, list[float], dict[str, Any]]] = {}
        self.study: Study | None = None

    def ask(self, number: int, seed: int) -> dict[str, Any]:
        """The values of the knobs of a proposal."""
        optimizer = copy.deepcopy(self._optimizer)
        optimizer.reseed_rng(seed)
        point, before_rounding = optimizer.ask()
        params = {
            knob.key: ordered(knob)[round(x * (len(knob.choices) - 1))]
            for knob, x in zip(self.knobs, point, strict=True)
        }
        self.asked[number] = (optimizer.generation, before_rounding.tolist(), params)
        return params

    def update(self, study: Study) -> None:
        """Move the distribution by each population whose scores have come in, in the order of the trials' numbers."""
        trials = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
        while True:
            population = [trial for trial in trials if self._generation(trial) == self._optimizer.generation]
            if len(population) < self._optimizer.population_size:
                return
            sign = -1.0 if study.direction == StudyDirection.MAXIMIZE else 1.0
            chosen = population[: self._optimizer.population_size]
            ranked = sorted(chosen, key=lambda trial: (_excess(trial), sign * trial.values[0], trial.number))
            points = [(np.array(self.asked[trial.number][1]), float(rank)) for rank, trial in enumerate(ranked)]
            self._optimizer.tell(points)

    def _generation(self, trial: FrozenTrial) -> int | None:
        """The generation that proposed a trial; None where a trial has other values than were proposed."""
        if trial.number not in self.asked and ASKED in trial.user_attrs:
            generation, point = trial.user_attrs[ASKED]
            self.asked[trial.number] = (generation, point, trial.params)
        generation, _, params = self.asked.get(trial.number, (None, None, {}))
        return generation if params.items() <= trial.params.items() else None


class CmaEsSampler(BaseSampler):
    """Draws a candidate from the distribution of a `CmaEsMemory`."""

    def __init__(self, *, seed: int, memory: CmaEsMemory) -> None:
        self._seed, self._memory = seed, memory

    def attributes(self, number: int) -> Mapping[str, object]:
        """What a record must keep of this trial, so that a resumed study goes on as it would have."""
        study, asked = self._memory.study, self._memory.asked.get(number)
        if study is None or asked is None:
            return {}
        generation, point, params = asked
        as_asked = params.items() <= study.get_trials(deepcopy=False)[number].params.items()
        return {ASKED: [generation, point]} if as_asked else {}

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self._memory.study = study

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return durable_distributions(self._memory.problem.space)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        self._memory.update(study)
        return self._memory.ask(trial.number, self._seed)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        raise RuntimeError(f"{param_name} is not a knob of the space.")


def ordered(knob: Knob) -> Sequence[Any]:
    """A knob's choices; weights in rising order."""
    return sorted(knob.choices) if knob.kind == "weight" else knob.choices


def _excess(trial: FrozenTrial) -> float:
    """By how much a trial is above its bounds, all of them together; 0 where it is within."""
    return sum(max(value, 0.0) for value in trial.constraints.values())


def _check(problem: SearchProblem, knobs: Sequence[Knob]) -> None:
    """Raise SamplerError where the problem has several objectives, or knobs that are no numbers."""
    if len(problem.objectives) > 1:
        raise SamplerError(
            f"'cmaes' searches for one objective, not for {len(problem.objectives)} ({', '.join(problem.objectives)}). "
            "Keep one in search.objectives and bound the costs by search.constraints, or choose another sampler, such "
            "as structured or tpe."
        )
    unordered = [knob for knob in knobs if knob.kind != "weight" and len(knob.choices) > 2]
    if unordered:
        named = ", ".join(f"{knob.key} ({', '.join(map(str, knob.choices))})" for knob in unordered[:NAMED])
        more = f" and {len(unordered) - NAMED} more" if len(unordered) > NAMED else ""
        raise SamplerError(
            f"'cmaes' needs knobs that are numbers: weights, or two choices. Three choices or more without an order "
            f"have {named}{more}. Offer two of them, or choose another sampler, such as structured or tpe."
        )
    if len(knobs) < 2:
        raise SamplerError(
            "'cmaes' needs two knobs or more that have a choice. Choose another sampler, such as random."
        )
