"""What a search tries before its sampler proposes anything: the ends of the cost axis, and what the config enqueues."""

from search.config import Config, ConfigError
from search.schema import Enqueued
from spaces.candidate import Candidate, Value
from spaces.space import NO_TEACHER, SearchSpace
from trainers.distill import TERMS


def first_tried(config: Config, space: SearchSpace) -> list[Candidate]:
    """The ends, then what is enqueued, each in its order.

    Raises ConfigError when the trials would be spent before all that is enqueued was tried, and as `enqueued` does.
    """
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
    """The candidates of `search.enqueue`. Raises ConfigError for one that is none of the space, or a term of it that
    could not act."""
    found = []
    for place, one in enumerate(config.search.enqueue, 1):
        try:
            found.append(_candidate(one, space))
        except ValueError as error:
            raise ConfigError(f"search.enqueue, entry {place}: {error}") from error
    return found


def _candidate(entry: Enqueued, space: SearchSpace) -> Candidate:
    offered = {knob.key: knob.choices for knob in space.knobs}
    choices: dict[str, Value] = {}
    for name, term in entry.terms.items():
        choices[f"teacher/{name}"] = term.teacher
        if term.teacher == NO_TEACHER:
            continue
        key = f"weight/{name}"
        if "weight" not in term.model_fields_set and term.weight not in offered.get(key, (term.weight,)):
            allowed = ", ".join(map(repr, offered[key]))
            raise ValueError(f"{key} is left out, which means {term.weight}; allowed are {allowed}.")
        choices[key] = term.weight
    candidate = space.uniform(entry.layers).replace(choices)
    acting = space.canonical(candidate)
    for name, term in entry.terms.items():
        if term.teacher != NO_TEACHER and f"teacher/{name}" not in acting:
            raise ValueError(
                f"the term {name} has no effect: no layer is {TERMS[name].acts_on_what}. Take the term out, or give "
                "layers another method."
            )
    return candidate
