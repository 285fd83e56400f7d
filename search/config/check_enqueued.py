"""Whether what a config enqueues are candidates of its space."""

from collections.abc import Iterator
from itertools import chain

from search.config.check_methods import is_method
from search.config.names import Problem, dotted, unknown
from search.config.schema import Config, Term, TrainTerm
from spaces.candidate import NO_TEACHER
from spaces.space import weight_grid
from trainers.distill import TERMS


def enqueued_candidates(config: Config) -> Iterator[Problem]:
    """Of each entry of `search.enqueue`: its method, its terms, who teaches them and how strongly.

    Nothing may be wrong with the space itself.
    """
    for place, entry in enumerate(config.search.enqueue):
        not_offered = list(_layers(config, place, entry.layers))
        yield from not_offered
        for name, term in entry.terms.items():
            if name not in config.space.terms:
                yield from _foreign_term(config, place, name)
                continue
            searched = config.space.terms[name]
            yield from _teacher(place, name, term, searched)
            if term.teacher != NO_TEACHER:
                yield from _weight(place, name, term, searched)
                yield from [] if not_offered else _effect(config, place, name, entry.layers)


def _layers(config: Config, place: int, method: str) -> Iterator[Problem]:
    layers = config.space.layers
    offered = list(dict.fromkeys(chain(layers.methods, *layers.open.values())))
    if method in offered:
        return
    there = f"{method!r} is no method of space.layers. Offered are {', '.join(offered)}: name one, or add it there."
    yield _key(place, "layers"), there if is_method(method) else unknown(method, offered)


def _foreign_term(config: Config, place: int, name: str) -> Iterator[Problem]:
    searched = config.space.terms
    if not searched:
        text = "this search has no terms. Add it to space.terms, or take it out here."
    elif name in TERMS:
        text = f"is no term of space.terms, which has {', '.join(searched)}. Add it there, or take it out here."
    else:
        text = f"No term of space.terms is called so: {unknown(name, searched)}"
    yield _key(place, "terms", name), text


def _teacher(place: int, name: str, term: TrainTerm, searched: Term) -> Iterator[Problem]:
    if term.teacher not in searched.teachers:
        text = f"{_came(term, 'teacher')}; allowed are {', '.join(searched.teachers)}, space.terms.{name}.teachers."
        yield _key(place, "terms", name, "teacher"), text


def _weight(place: int, name: str, term: TrainTerm, searched: Term) -> Iterator[Problem]:
    grid = weight_grid(*searched.weight)
    if term.weight not in grid:
        allowed = ", ".join(map(repr, grid))
        text = f"{_came(term, 'weight')}; allowed are {allowed}, the grid of space.terms.{name}.weight."
        yield _key(place, "terms", name, "weight"), text


def _came(term: TrainTerm, part: str) -> str:
    value = repr(getattr(term, part))
    return f"is {value}" if part in term.model_fields_set else f"is left out, which means {value}"


def _effect(config: Config, place: int, name: str, method: str) -> Iterator[Problem]:
    """A term of layers that no layer of the candidate feels; layers that don't offer its method have their first."""
    term, layers = TERMS[name], config.space.layers
    chosen = [method if method in group else group[0] for group in (layers.methods, *layers.open.values())]
    if term.compares_layers and not any(map(term.acts_on, chosen)):
        no_effect = f"has no effect: no layer is {term.acts_on_what}. Take it out, or give layers another method."
        yield _key(place, "terms", name), no_effect


def _key(place: int, *parts: str) -> str:
    return dotted(["search", "enqueue", place, *parts])
