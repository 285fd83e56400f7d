"""Checks of how the supernet is trained: its rule, and what goes with it."""

from collections.abc import Iterator, Sequence

from search.config.check_layers import is_method
from search.config.names import unknown
from search.config.problems import Kind, Problem
from search.config.schema import Supernet
from spaces.layers import is_binary
from trainers.training.rules.table import RULES


def supernet_rule(supernet: Supernet, methods: Sequence[str]) -> Iterator[Problem]:
    """Problems of `supernet.rule` and `supernet.sampling`. methods: all that the space offers."""
    key, name = "supernet.rule", supernet.rule
    if name not in RULES:
        yield Problem(key, Kind.UNKNOWN, unknown(name, RULES), name)
        return
    if not RULES[name].samples and supernet.sampling != "uniform":
        text = (
            f"is {supernet.sampling}, but supernet.rule {name} gives every method its turn in each step: it samples no "
            "candidates. Take it out, or choose another rule."
        )
        yield Problem("supernet.sampling", Kind.CONFLICT, text, supernet.sampling)
    if RULES[name].needs_binary and not any(map(_may_be_binary, methods)):
        text = (
            f"is {name}, which trains 1-bit layers by their real weights, but the space offers no 1-bit method. Add "
            "one to space.layers.methods, or choose another rule."
        )
        yield Problem(key, Kind.CONFLICT, text, name)


def _may_be_binary(name: str) -> bool:
    """True also for a name that is no method, which has a problem of its own."""
    return not is_method(name) or is_binary(name)
