"""What a search tries before its sampler proposes anything: the ends of the cost axis, and what the config enqueues."""

from search.config import Config, ConfigError
from search.config.schema import Enqueued
from search.plan.budgets import check_budgets
from search.plan.sources import class_names
from search.plan.space import student_spec
from spaces.candidate import Candidate, Taught
from spaces.cost_table import CostTable
from spaces.space import SearchSpace


def first_tried(config: Config, space: SearchSpace) -> list[Candidate]:
    """The ends, then what is enqueued, each in its order.

    Raises ConfigError when the trials would be spent before all that is enqueued was tried, and for budgets that no
    candidate keeps.
    """
    if config.search.constraints:
        spec = student_spec(config, len(class_names(config)))
        check_budgets(config.search.constraints, CostTable.of(spec, space))
    first, own = list(ends(config, space).values()), enqueued(config, space)
    order = list(dict.fromkeys(map(space.canonical, [*first, *own])))
    needed = max((order.index(space.canonical(one)) + 1 for one in own), default=0)
    if needed > config.search.trials:
        raise ConfigError(
            f"search.trials is {config.search.trials}, but a search tries {len(first)} candidates of one method first, "
            f"then those of search.enqueue: it must be at least {needed} for all of these. Give more, or enqueue fewer."
        )
    return [*first, *own]


def ends(config: Config, space: SearchSpace) -> dict[str, Candidate]:
    """All real, and all of each binary method: the ends of the cost axis, tried first and named in the picture."""
    return {f"all {one}": space.uniform(one) for one in config.space.layers.methods}


def enqueued(config: Config, space: SearchSpace) -> list[Candidate]:
    """The candidates of `search.enqueue`."""
    return [_candidate(one, space) for one in config.search.enqueue]


def _candidate(entry: Enqueued, space: SearchSpace) -> Candidate:
    terms = {name: Taught(term.teacher, term.weight) for name, term in entry.terms.items()}
    return space.uniform(entry.layers).replace(Candidate.of({}, terms))
