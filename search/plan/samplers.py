"""Whether the sampler of a config can search its problem: foreign code is imported and tried before any work begins."""

import optuna

from search.config import ConfigError
from search.config.schema import Search
from search.controller.foreign import is_import_path
from search.controller.objectives import directions
from search.controller.problem import SamplerChoice, SamplerError, SearchProblem
from search.controller.repeatable import ProposingSampler
from search.controller.samplers import sampler_from_seed
from search.controller.study_state import ForeignError
from spaces.cost_table import CostTable
from spaces.space import SearchSpace

REHEARSED = 12
"""How many trials are tried: the model-based samplers of Optuna begin with ten random ones."""


def sampler_choice(search: Search) -> SamplerChoice:
    """What the controller takes for `search.sampler`."""
    return SamplerChoice(search.sampler.name, search.sampler.arguments)


def search_problem(search: Search, space: SearchSpace, table: CostTable) -> SearchProblem:
    """What the controller and its sampler take for `search`."""
    return SearchProblem(
        space,
        table.costs,
        search.objectives,
        constraints=search.constraints,
        trials=search.trials,
        workers=search.workers,
    )


def check_sampler(search: Search, space: SearchSpace, table: CostTable) -> None:
    """Raise ConfigError where the sampler can't be made, or can't search for these objectives in this space."""
    try:
        from_seed = sampler_from_seed(sampler_choice(search), search_problem(search, space, table))
        if is_import_path(search.sampler.name):
            rehearse(ProposingSampler(space, from_seed, seed=0, proposed=set()), search.objectives)
    except SamplerError as error:
        raise ConfigError(f"search.sampler: {error}") from error
    except ForeignError as error:
        raise ConfigError(f"search.sampler: {error.what} Correct it or its arguments, or choose another.") from error


def rehearse(sampler: ProposingSampler, objectives: tuple[str, ...]) -> None:
    """Propose some trials, each with the number of its score, in a study that is thrown away."""
    study = optuna.create_study(directions=directions(objectives), sampler=sampler)
    for number in range(REHEARSED):
        trial = study.ask(sampler.distributions)
        sampler.attributes(trial.number)
        study.tell(trial, [float(number)] * len(objectives))
