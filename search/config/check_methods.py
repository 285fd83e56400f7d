"""Names of layer methods in a config, with their options."""

from collections.abc import Iterable, Iterator

from search.config.names import Problem, unknown
from spaces.layers import METHODS, method


def is_method(name: str) -> bool:
    """Whether a layer may be given this method; what else is wrong with a config is not to be blamed on one."""
    try:
        method(name)
    except ValueError:
        return False
    return True


def methods_exist(key: str, names: Iterable[str]) -> Iterator[Problem]:
    """The names that are no method, or have options that the method doesn't."""
    for name in dict.fromkeys(names):
        base = name.partition("+")[0]
        if base not in METHODS:
            yield key, unknown(base, METHODS)
            continue
        try:
            method(name)
        except ValueError as error:
            yield key, str(error)
