"""Looking a name up in a table, with a message that helps whoever mistyped it."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import TypeVar

T = TypeVar("T")


def lookup(table: Mapping[str, T], name: str, kind: str) -> T:
    """The entry of `table` called `name`. Raises ValueError with the nearest name and all known ones.

    kind: what the table holds, in the singular, such as "detector".
    """
    if name not in table:
        raise ValueError(f"No {kind} is called {name!r}.{did_you_mean(name, table)} Known: {', '.join(table)}.")
    return table[name]


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like `name`; None where none is near."""
    near = get_close_matches(name, list(known), n=1)
    return near[0] if near else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?`, with a space before it, for the nearest known name; empty where none is near."""
    near = nearest(name, known)
    return f" Did you mean {near!r}?" if near is not None else ""
