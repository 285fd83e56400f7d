"""The samplers by name, each set up for the problem that a run searches."""

from collections.abc import Callable
from typing import Annotated, Any

from optuna.samplers import BaseSampler, GPSampler, RandomSampler, TPESampler
from pydantic import Field

from search.controller.cmaes import CmaEsMemory, CmaEsSampler
from search.controller.foreign import foreign_from_seed, is_import_path
from search.controller.generations import Generations
from search.controller.nsga2 import GenerationalNSGAII
from search.controller.nsga3 import GenerationalNSGAIII, divisions
from search.controller.problem import FromSeed, SamplerChoice, SearchProblem, needs
from search.controller.structured.memory import Memory
from search.controller.structured.sampler import StructuredSampler
from spaces.lookup import lookup

Count = Annotated[int, Field(strict=True, ge=1)]
Members = Annotated[int, Field(strict=True, ge=2)]
Chance = Annotated[float, Field(strict=True, ge=0, le=1)]
Positive = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
Switch = Annotated[bool, Field(strict=True)]


STRUCTURED_START = 12
"""The most random trials that `structured` starts from: its model has few numbers, and draws explore by themselves."""


def startup_trials(trials: int) -> int:
    """How many random trials TPE starts from: a tenth of the budget, 5 to 30."""
    return min(30, max(5, trials // 10))


def usual_population(trials: int) -> int:
    """The population of NSGA-II and -III: a fifth of the budget so that selection gets some generations; even, 4 to 50.

    Optuna's default of 50 was no better than random search at 100 trials; 20 was.
    """
    return min(50, max(4, trials // 10 * 2))


def _tpe(
    problem: SearchProblem,
    *,
    n_startup_trials: Count | None = None,
    n_ei_candidates: Count = 24,
    multivariate: Switch = True,
    group: Switch = False,
    constant_liar: Switch | None = None,
) -> FromSeed:
    """Multivariate TPE; its first tenth of the trials, 5 to 30, is random."""

    def from_seed(seed: int) -> BaseSampler:
        return TPESampler(
            seed=seed,
            multivariate=multivariate,
            group=group,
            n_startup_trials=n_startup_trials or startup_trials(problem.trials),
            n_ei_candidates=n_ei_candidates,
            constant_liar=problem.workers > 1 if constant_liar is None else constant_liar,
        )

    return from_seed


def _nsga2(
    problem: SearchProblem,
    *,
    population_size: Members | None = None,
    mutation_prob: Chance | None = None,
    crossover_prob: Chance = 0.9,
    swapping_prob: Chance = 0.5,
) -> FromSeed:
    """NSGA-II with a population of a fifth of the budget, 4 to 50."""
    given: dict[str, Any] = {
        "population_size": population_size or usual_population(problem.trials),
        "mutation_prob": mutation_prob,
        "crossover_prob": crossover_prob,
        "swapping_prob": swapping_prob,
        "generations": Generations(),
    }
    return lambda seed: GenerationalNSGAII(seed=seed, **given)


def _nsga3(
    problem: SearchProblem,
    *,
    population_size: Members | None = None,
    dividing_parameter: Count | None = None,
    mutation_prob: Chance | None = None,
    crossover_prob: Chance = 0.9,
    swapping_prob: Chance = 0.5,
) -> FromSeed:
    """NSGA-III with a population of a fifth of the budget, 4 to 50; for three objectives and more."""
    size = population_size or usual_population(problem.trials)
    given: dict[str, Any] = {
        "population_size": size,
        "dividing_parameter": dividing_parameter or divisions(len(problem.objectives), size),
        "mutation_prob": mutation_prob,
        "crossover_prob": crossover_prob,
        "swapping_prob": swapping_prob,
        "generations": Generations(),
    }
    return lambda seed: GenerationalNSGAIII(seed=seed, **given)


def _gp(problem: SearchProblem, *, n_startup_trials: Count | None = None) -> FromSeed:
    """Gaussian processes, for small spaces and few trials."""
    needs("scipy", "'gp'")
    start = n_startup_trials or startup_trials(problem.trials)
    return lambda seed: GPSampler(seed=seed, n_startup_trials=start, warn_independent_sampling=False)


def _cmaes(problem: SearchProblem, *, population_size: Members | None = None, sigma0: Positive = 0.25) -> FromSeed:
    """CMA-ES with margin, for one objective and knobs that are numbers."""
    memory = CmaEsMemory(problem, population_size=population_size, sigma0=sigma0)
    return lambda seed: CmaEsSampler(seed=seed, memory=memory)


def _random(problem: SearchProblem) -> FromSeed:
    """Random search."""
    return lambda seed: RandomSampler(seed=seed)


def _structured(problem: SearchProblem) -> FromSeed:
    """The default: knows the costs and models accuracy as a sum over the choices; its first trials are random."""
    memory = Memory(problem)
    other, start = _tpe(problem), min(STRUCTURED_START, startup_trials(problem.trials))
    return lambda seed: StructuredSampler(seed=seed, memory=memory, other=other, start=start)


SAMPLERS: dict[str, Callable[..., FromSeed]] = {
    "structured": _structured,
    "tpe": _tpe,
    "nsga2": _nsga2,
    "nsga3": _nsga3,
    "gp": _gp,
    "cmaes": _cmaes,
    "random": _random,
}
"""By name: takes the problem of a study, once, and returns what makes that study's samplers.

What it takes by keyword are the arguments that a config may give, checked by their annotations. Its docstring begins
with what it is.
"""


def sampler_from_seed(sampler: SamplerChoice | str, problem: SearchProblem) -> FromSeed:
    """What makes the samplers of a name or import path for one study.

    Raises ValueError with the known names, and SamplerError where it can't be made or can't search the problem.
    """
    chosen = SamplerChoice(sampler) if isinstance(sampler, str) else sampler
    if is_import_path(chosen.name):
        return foreign_from_seed(chosen.name, chosen.arguments)
    return lookup(SAMPLERS, chosen.name, "sampler")(problem, **chosen.arguments)
