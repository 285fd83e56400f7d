"""Checks of layer methods: those that are searched, those that are trained, and the losses of searched signs."""

from collections.abc import Iterable, Iterator
from itertools import chain

from search.config.names import unknown, without_repetition
from search.config.problems import Kind, Problem
from search.config.schema import Config, Supernet
from spaces.layers import METHODS, method
from trainers.distill import TERMS

SEARCHED_SIGNS = "dbs"


def is_method(name: str) -> bool:
    """Whether there is such a layer method. Checks skip what isn't one: `existing_methods` reports it."""
    try:
        method(name)
    except ValueError:
        return False
    return True


def searched_methods(config: Config) -> list[str]:
    """All methods that `space.layers` offers, those of opened parts too."""
    return list(dict.fromkeys(chain(config.space.layers.methods, *config.space.layers.open.values())))


def searched_layers(config: Config) -> Iterator[Problem]:
    """Problems of `space.layers` and of `supernet.search_losses`."""
    groups = {"methods": config.space.layers.methods}
    groups |= {f"open.{part}": methods for part, methods in config.space.layers.open.items()}
    for name, methods in groups.items():
        yield from existing_methods(f"space.layers.{name}", methods)
        yield from without_repetition(f"space.layers.{name}", methods)
    yield from _search_losses(config)


def trained_methods(config: Config) -> list[str]:
    """All methods that `train.layers` names."""
    layers = config.train.layers
    return [layers] if isinstance(layers, str) else list(layers.values())


def trained_layers(config: Config) -> Iterator[Problem]:
    """Problems of `train.layers`."""
    key, layers = "train.layers", config.train.layers
    yield from existing_methods(key, trained_methods(config))
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


def _search_losses(config: Config) -> Iterator[Problem]:
    key, losses = "supernet.search_losses", config.supernet.search_losses
    layer_terms = [term for term in TERMS if TERMS[term].compares_layers]
    wrong_losses = [name for name in losses if name not in layer_terms]
    for name in wrong_losses:
        if name in TERMS:
            text = f"{name} is no term that compares layers; those are {', '.join(layer_terms)}."
            yield Problem(f"{key}.{name}", Kind.CONFLICT, text, name)
        else:
            yield Problem(f"{key}.{name}", Kind.UNKNOWN, unknown(name, layer_terms), name)
    changed = losses and losses != Supernet().search_losses
    if changed and not wrong_losses and not any(map(_may_search_signs, searched_methods(config))):
        text = f"has no effect: no method of space.layers is {SEARCHED_SIGNS!r}, whose signs they train"
        yield Problem(key, Kind.NO_EFFECT, f"{text}. Take it out, or add the method.")


def _may_search_signs(name: str) -> bool:
    """True also for a name that is no method: it may be a misspelt one that does."""
    return not is_method(name) or name.partition("+")[0] == SEARCHED_SIGNS
