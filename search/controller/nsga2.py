"""NSGA-II with generations that survive the end of a process."""

from typing import Any

from optuna.samplers import NSGAIISampler

from search.controller.generations import Generational, Generations


class GenerationalNSGAII(Generational, NSGAIISampler):
    """Optuna's NSGA-II, with its generations and parents held in `generations`. arguments: those of Optuna's."""

    def __init__(self, *, seed: int, population_size: int, generations: Generations, **arguments: Any) -> None:
        super().__init__(seed=seed, population_size=population_size, **arguments)
        self.size, self.generations = population_size, generations
