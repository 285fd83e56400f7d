"""Checks of layer methods: those that are searched, those that are trained, and the losses of searched signs."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from search.config.names import unknown, without_repetition
from search.config.problems import Kind, Problem
from search.config.schema import ALL, Layers, Supernet
from spaces.detectors.openable import DENSE_HEADS, PARTS
from spaces.layers import METHODS, method
from spaces.lookup import did_you_mean
from trainers.distill import TERMS

SEARCHED_SIGNS = "dbs"


def is_method(name: str) -> bool:
    """Whether there is such a layer method. Checks skip what isn't one: `existing_methods` reports it."""
    try:
        method(name)
    except ValueError:
        return False
    return True


def searched_methods(layers: Layers) -> list[str]:
    """All methods that `space.layers` offers, those of opened parts too."""
    return list(dict.fromkeys(chain(layers.methods, *layers.open.values())))


def searched_layers(layers: Layers) -> Iterator[Problem]:
    """Problems of `space.layers`."""
    groups = {"methods": layers.methods} | {f"open.{part}": methods for part, methods in layers.open.items()}
    for name, methods in groups.items():
        yield from existing_methods(f"space.layers.{name}", methods)
        yield from without_repetition(f"space.layers.{name}", methods)
    yield from _opened_parts(layers.open)


def _opened_parts(names: Iterable[str]) -> Iterator[Problem]:
    """A problem for each name that no detector has: a part, alone or with a group, or a module's name is meant.

    Whether the config's own detector has it is checked when the search is planned.
    """
    modules = [module for modules in DENSE_HEADS.values() for module in modules]  # those without a dot in their names
    for name in names:
        if name.partition(".")[0] not in {ALL, *PARTS} and "." not in name and name not in modules:
            text = f"there is no such key.{did_you_mean(name, [ALL, *PARTS])} Known here: {', '.join([ALL, *PARTS])}"
            text += ", groups such as heads.cls, and exact names of layers."
            yield Problem(f"space.layers.open.{name}", Kind.NO_SUCH_KEY, text, name)


def trained_methods(layers: str | Mapping[str, str]) -> list[str]:
    """All methods that `train.layers`, or those of an enqueued candidate, name."""
    return [layers] if isinstance(layers, str) else list(layers.values())


def trained_layers(key: str, layers: str | Mapping[str, str]) -> Iterator[Problem]:
    """Problems of `train.layers` or `pretrain.layers`: one method for all layers, or one per module."""
    yield from existing_methods(key, trained_methods(layers))
    if not isinstance(layers, str) and "" in layers:
        yield Problem(key, Kind.NOT_ALLOWED, "names a layer '', must be names of modules, such as backbone.", "")


def existing_methods(key: str, names: Iterable[str]) -> Iterator[Problem]:
    """A problem for each name that is no method, or has options that the method doesn't."""
    for name in dict.fromkeys(names):
        base = name.partition("+")[0]
        if base not in METHODS:
            yield Problem(key, Kind.UNKNOWN, unknown(base, METHODS), base)
            continue
        try:
            method(name)
        except ValueError as error:
            yield Problem(key, Kind.NOT_ALLOWED, str(error), name)


def search_losses(losses: Mapping[str, float], methods: Iterable[str]) -> Iterator[Problem]:
    """Problems of `supernet.search_losses`; `methods` are those of the space, one of which must search signs."""
    key = "supernet.search_losses"
    layer_terms = [term for term in TERMS if TERMS[term].compares_layers]
    wrong_losses = [name for name in losses if name not in layer_terms]
    for name in wrong_losses:
        if name in TERMS:
            text = f"{name} is no term that compares layers; those are {', '.join(layer_terms)}."
            yield Problem(f"{key}.{name}", Kind.CONFLICT, text, name)
        else:
            yield Problem(f"{key}.{name}", Kind.UNKNOWN, unknown(name, layer_terms), name)
    changed = losses and losses != Supernet().search_losses
    if changed and not wrong_losses and not any(map(_may_search_signs, methods)):
        text = f"has no effect: no method of space.layers is {SEARCHED_SIGNS!r}, whose signs they train"
        yield Problem(key, Kind.NO_EFFECT, f"{text}. Take it out, or add the method.")


def _may_search_signs(name: str) -> bool:
    """True also for a name that is no method: it may be a misspelt one that does."""
    return not is_method(name) or name.partition("+")[0] == SEARCHED_SIGNS
