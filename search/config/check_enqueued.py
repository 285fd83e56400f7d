"""Checks of `search.enqueue`: each entry must be a candidate of the config's own space."""

from collections.abc import Collection, Iterable, Iterator

from search.config.check_layers import is_method, searched_methods, trained_methods
from search.config.names import unknown
from search.config.problems import Kind, Problem, dotted
from search.config.schema import Enqueued, Layers, Space, Term, TrainTerm
from spaces.candidate import NO_TEACHER
from spaces.space import weight_grid
from trainers.distill import TERMS


def enqueued_candidates(entries: Iterable[Enqueued], space: Space) -> Iterator[Problem]:
    """Problems of each entry: its method, its terms, their teachers and weights. The space itself must be valid."""
    offered = searched_methods(space.layers)
    for position, entry in enumerate(entries):
        methods = dict.fromkeys(trained_methods(entry.layers))
        not_offered = [problem for method in methods for problem in _layers(position, method, offered)]
        yield from not_offered
        for name, term in entry.terms.items():
            if name not in space.terms:
                yield _not_searched(position, name, space.terms)
                continue
            searched = space.terms[name]
            yield from _teacher(position, name, term, searched)
            if term.teacher != NO_TEACHER:
                yield from _weight(position, name, term, searched)
                if isinstance(entry.layers, str) and not not_offered:  # a mapping's layers are known in the plan
                    yield from _effect(position, name, entry.layers, space.layers)


def _layers(position: int, method: str, offered: Collection[str]) -> Iterator[Problem]:
    if method in offered:
        return
    key = _key(position, "layers")
    if is_method(method):
        text = f"{method!r} is no method of space.layers. Offered are {', '.join(offered)}: name one, or add it there."
        yield Problem(key, Kind.CONFLICT, text, method)
    else:
        yield Problem(key, Kind.UNKNOWN, unknown(method, offered), method)


def _not_searched(position: int, name: str, searched: Collection[str]) -> Problem:
    """The problem of a term that the space doesn't have; `searched` are those that it has."""
    key = _key(position, "terms", name)
    if not searched:
        text = "this search has no terms. Add it to space.terms, or take it out here."
        return Problem(key, Kind.CONFLICT, text, name)
    if name in TERMS:
        text = f"is no term of space.terms, which has {', '.join(searched)}. Add it there, or take it out here."
        return Problem(key, Kind.CONFLICT, text, name)
    return Problem(key, Kind.UNKNOWN, unknown(name, searched), name)


def _teacher(position: int, name: str, term: TrainTerm, searched: Term) -> Iterator[Problem]:
    if term.teacher not in searched.teachers:
        allowed = f"{', '.join(searched.teachers)}, space.terms.{name}.teachers"
        text = f"{_given_or_default(term, 'teacher')}; allowed are {allowed}."
        yield Problem(_key(position, "terms", name, "teacher"), Kind.CONFLICT, text, term.teacher)


def _weight(position: int, name: str, term: TrainTerm, searched: Term) -> Iterator[Problem]:
    grid = weight_grid(*searched.weight)
    if term.weight not in grid:
        allowed = f"{', '.join(map(repr, grid))}, the grid of space.terms.{name}.weight"
        text = f"{_given_or_default(term, 'weight')}; allowed are {allowed}."
        yield Problem(_key(position, "terms", name, "weight"), Kind.CONFLICT, text, term.weight)


def _given_or_default(term: TrainTerm, field: str) -> str:
    value = repr(getattr(term, field))
    return f"is {value}" if field in term.model_fields_set else f"is left out, which means {value}"


def _effect(position: int, name: str, method: str, layers: Layers) -> Iterator[Problem]:
    """A term of layers must act on a layer. Layers that don't offer the entry's method take their first one."""
    term = TERMS[name]
    methods = [method if method in group else group[0] for group in (layers.methods, *layers.open.values())]
    if term.compares_layers and not any(map(term.acts_on, methods)):
        text = f"has no effect: no layer is {term.acts_on_what}. Take it out, or give layers another method."
        yield Problem(_key(position, "terms", name), Kind.NO_EFFECT, text)


def _key(position: int, *parts: str) -> str:
    return dotted(["search", "enqueue", position, *parts])
