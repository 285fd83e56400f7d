"""The one error of this package, and the wording for a name that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class RunError(ValueError):
    """A run folder that can't be used as asked: in use, damaged, of another search, stopped by its own failures, or
    without what was asked for. The text says what came in and what to do.
    """


def unknown_name(kind: str, name: str, known: Iterable[str]) -> RunError:
    """The error for `name` not being among `known`: the nearest one is suggested, all of them are listed."""
    names = list(known)
    nearest = difflib.get_close_matches(name, names, n=1)
    suggestion = f" Did you mean {nearest[0]!r}?" if nearest else ""
    return RunError(f"No {kind} is called {name!r}.{suggestion} Known: {', '.join(names) or 'none'}.")
