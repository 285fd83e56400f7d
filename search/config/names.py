"""Names in a config, held against the table that they must be from."""

from collections.abc import Collection, Iterator, Sequence

from spaces.lookup import did_you_mean

Problem = tuple[str, str]
"""A dotted key and what is wrong with its value."""


def dotted(location: Sequence[str | int]) -> str:
    """A place in a config as a key. Numbers are positions in a list: a key counts them from 0, people from 1."""
    positions = [f" (entry {part + 1} of the list)" for part in location if isinstance(part, int)]
    return ".".join(map(str, location)) + "".join(positions)


def unknown(name: str, known: Collection[str]) -> str:
    """The text for a name that is not in a table: the nearest known one, and all of them."""
    return f"{name!r} is not known.{did_you_mean(name, known)} Known: {', '.join(sorted(known))}."


def known(key: str, names: Sequence[str], table: Collection[str]) -> Iterator[Problem]:
    """Each name that isn't in the table, and each that comes twice."""
    for name in dict.fromkeys(names):
        if name not in table:
            yield key, unknown(name, table)
    yield from without_repetition(key, names)


def without_repetition(key: str, names: Sequence[str]) -> Iterator[Problem]:
    """The names that come more than once."""
    repeated = sorted({name for name in names if list(names).count(name) > 1})
    if repeated:
        yield key, f"names {', '.join(map(repr, repeated))} more than once."
