"""The samplers by name, each set up for the problem that a run searches."""

from collections.abc import Callable

from optuna.samplers import BaseSampler, RandomSampler, TPESampler

from search.controller.nsga2 import GenerationalNSGAII, Generations
from search.controller.problem import FromSeed, SearchProblem
from search.controller.structured.memory import Memory
from search.controller.structured.sampler import StructuredSampler
from spaces.lookup import lookup


def startup_trials(trials: int) -> int:
    """How many random trials TPE starts from: a tenth of the budget, 5 to 30."""
    return min(30, max(5, trials // 10))


def population_size(trials: int) -> int:
    """NSGA-II's population: a fifth of the budget so that selection gets some generations; even, 4 to 50.

    Optuna's default of 50 was no better than random search at 100 trials; 20 was.
    """
    return min(50, max(4, trials // 10 * 2))


def _tpe(problem: SearchProblem) -> FromSeed:
    def from_seed(seed: int) -> BaseSampler:
        return TPESampler(
            seed=seed,
            multivariate=True,
            group=False,
            n_startup_trials=startup_trials(problem.trials),
            constant_liar=problem.workers > 1,
        )

    return from_seed


def _nsga2(problem: SearchProblem) -> FromSeed:
    size, generations = population_size(problem.trials), Generations()
    return lambda seed: GenerationalNSGAII(seed=seed, population_size=size, generations=generations)


def _random(problem: SearchProblem) -> FromSeed:
    return lambda seed: RandomSampler(seed=seed)


def _structured(problem: SearchProblem) -> FromSeed:
    memory = Memory(problem)
    other, start = _tpe(problem), startup_trials(problem.trials)
    return lambda seed: StructuredSampler(seed=seed, memory=memory, other=other, start=start)


SAMPLERS: dict[str, Callable[[SearchProblem], FromSeed]] = {
    "structured": _structured,
    "tpe": _tpe,
    "nsga2": _nsga2,
    "random": _random,
}
"""By name: takes the problem of a study, once, and returns what makes that study's samplers."""


def sampler_from_seed(name: str, problem: SearchProblem) -> FromSeed:
    """What makes the samplers of that name for one study. Raises ValueError with the known names."""
    return lookup(SAMPLERS, name, "sampler")(problem)
