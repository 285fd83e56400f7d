"""Whether names in a config are in the table that they must be from."""

from collections.abc import Collection, Iterator, Sequence

from search.config.problems import Kind, Problem
from spaces.lookup import did_you_mean


def unknown(name: str, known: Collection[str]) -> str:
    """The text for a name that is not in a table: the nearest known one, and all of them."""
    return f"{name!r} is not known.{did_you_mean(name, known)} Known: {', '.join(sorted(known))}."


def known_names(key: str, names: Sequence[str], table: Collection[str]) -> Iterator[Problem]:
    """A problem for each name that isn't in the table, and for those that come more than once."""
    for name in dict.fromkeys(names):
        if name not in table:
            yield Problem(key, Kind.UNKNOWN, unknown(name, table), name)
    yield from without_repetition(key, names)


def without_repetition(key: str, names: Sequence[str]) -> Iterator[Problem]:
    """A problem where names come more than once; its value is a list of them."""
    repeated = sorted({name for name in names if list(names).count(name) > 1})
    if repeated:
        yield Problem(key, Kind.REPEATED, f"names {', '.join(map(repr, repeated))} more than once.", repeated)
