"""What a search scores before its sampler proposes anything: uniform candidates, then the config's own."""

from collections.abc import Iterable, Mapping, Sequence

from search.config import ConfigError
from search.config.schema import Enqueued
from spaces.candidate import NO_TEACHER, Candidate, Taught
from spaces.layers import is_binary
from spaces.space import SearchSpace
from trainers.distill import TERMS

ELSEWHERE = ("int8", "int4")
"""What layers become in a 1-bit network where they can't be 1-bit: the usual choice for first and last layers, and the
one that makes a network the cheap end of the default space."""


def uniform_candidates(methods: Iterable[str], space: SearchSpace) -> dict[str, Candidate]:
    """`all real`, `all sign` and so on: the ends of the cost axis, named in the picture of the front.

    What doesn't offer a method is real. A 1-bit method has a second candidate, in which it is `int8`, if it can be; the
    first one a third, in which it is `int4`.
    """
    offered = list(methods)
    named = {f"all {method}": space.uniform(method) for method in offered}
    for number, method in enumerate(filter(is_binary, offered)):
        for beside in ELSEWHERE if number == 0 else ELSEWHERE[:1]:
            elsewhere = space.uniform(method, beside=beside)
            if elsewhere != named[f"all {method}"]:
                named[f"all {method}, {beside} elsewhere"] = elsewhere
    return named


def enqueued_candidates(entries: Iterable[Enqueued], space: SearchSpace) -> list[Candidate]:
    """The candidates of `search.enqueue`. Raises ConfigError for layers that the space doesn't have."""
    return [_candidate(position, entry, space) for position, entry in enumerate(entries)]


def initial_candidates(
    uniform: Mapping[str, Candidate], enqueued: Sequence[Candidate], space: SearchSpace, trials: int
) -> list[Candidate]:
    """The uniform candidates, then the enqueued ones, each in its order.

    Raises ConfigError when the trials would be spent before all that is enqueued was scored.
    """
    first = list(uniform.values())
    order = list(dict.fromkeys(map(space.canonical, [*first, *enqueued])))
    needed = max((order.index(space.canonical(one)) + 1 for one in enqueued), default=0)
    if needed > trials:
        raise ConfigError(
            f"search.trials is {trials}, but a search tries {len(first)} candidates of one method first, "
            f"then those of search.enqueue: it must be at least {needed} for all of these. Give more, or enqueue fewer."
        )
    return [*first, *enqueued]


def _candidate(position: int, entry: Enqueued, space: SearchSpace) -> Candidate:
    terms = {name: Taught(term.teacher, term.weight) for name, term in entry.terms.items()}
    try:
        layers = space.uniform(entry.layers) if isinstance(entry.layers, str) else space.choose(entry.layers)
    except ValueError as error:
        raise ConfigError(f"search.enqueue.{position}.layers (entry {position + 1} of the list): {error}") from error
    candidate = layers.replace(Candidate.of({}, terms))
    acting = space.canonical(candidate)
    for name, taught in terms.items():
        if taught.teacher != NO_TEACHER and f"teacher/{name}" not in acting:
            raise ConfigError(
                f"search.enqueue.{position}.terms.{name} (entry {position + 1} of the list): has no effect: no layer "
                f"is {TERMS[name].acts_on_what}. Take it out, or give layers another method."
            )
    return candidate
