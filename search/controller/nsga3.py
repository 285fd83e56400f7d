"""NSGA-III with generations that survive the end of a process, and reference lines that start at the best values."""

import copy
import math
import warnings
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import NSGAIIISampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial

from search.controller.generations import Generational, Generations


def divisions(objectives: int, size: int) -> int:
    """The most divisions of an axis that give no more reference points than a population has members, at least 1.

    NSGA-III wants about one member for each reference point (https://doi.org/10.1109/TEVC.2013.2281535, section IV).
    """
    if objectives < 2:
        return 1
    found = 1
    while math.comb(objectives + found, found + 1) <= size:
        found += 1
    return found


class GenerationalNSGAIII(Generational, NSGAIIISampler):
    """Optuna's NSGA-III, with two differences in how parents are chosen.

    Optuna measures distances to reference lines from the least value of each objective, which for one that is to be
    maximised is its worst: here such values change their sign first. Ties between parents are broken by a generator of
    the generation's own seed, so that a resumed study chooses the same ones.
    """

    def __init__(
        self, *, seed: int, population_size: int, dividing_parameter: int, generations: Generations, **arguments: Any
    ) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            super().__init__(
                seed=seed, population_size=population_size, dividing_parameter=dividing_parameter, **arguments
            )
        self.size, self.generations = population_size, generations
        self._divisions = dividing_parameter

    def select_parent(self, study: Study, generation: int) -> list[FrozenTrial]:
        before = generation - 1
        candidates = self.get_population(study, before) + self.get_parent_population(study, before)
        signs = [-1.0 if one == StudyDirection.MAXIMIZE else 1.0 for one in study.directions]
        niching = _Niching(
            [_signed(trial, signs) for trial in candidates],
            seed=generation,
            population_size=self.size,
            dividing_parameter=self._divisions,
        )
        minimised = optuna.create_study(directions=["minimize"] * len(signs))
        chosen = niching.select_parent(minimised, generation)
        by_number = {trial.number: trial for trial in candidates}
        return [by_number[trial.number] for trial in chosen]


class _Niching(NSGAIIISampler):
    """Optuna's choice of parents, among given trials."""

    def __init__(self, candidates: list[FrozenTrial], **arguments: Any) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            super().__init__(**arguments)
        self._candidates = candidates

    def get_population(self, study: Study, generation: int) -> list[FrozenTrial]:
        return self._candidates

    def get_parent_population(self, study: Study, generation: int) -> list[FrozenTrial]:
        return []


def _signed(trial: FrozenTrial, signs: list[float]) -> FrozenTrial:
    """A copy of a trial in which less is better."""
    signed = copy.copy(trial)
    signed.values = [sign * value for sign, value in zip(signs, trial.values, strict=True)]
    return signed
