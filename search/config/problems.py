"""A problem of a config: which key has it, of what kind it is, and the text for the user."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What can be wrong with a key or its value."""

    NO_SUCH_KEY = "no such key"
    MISSING = "missing"
    WRONG_TYPE = "wrong type"
    NOT_ALLOWED = "not allowed"  # of the right type, but outside of what the key takes
    UNKNOWN = "unknown name"
    REPEATED = "repeated name"
    NO_FILE = "no such file"
    CONFLICT = "conflict"  # with another key, or with what a detector, data set or term can do
    NO_EFFECT = "no effect"


@dataclass(frozen=True)
class Problem:
    """`key` is dotted, as in --set; `value` is what came in, if anything; `text` says what is allowed."""

    key: str
    kind: Kind
    text: str
    value: object = None

    def __str__(self) -> str:
        return f"{self.key or 'the config'}: {self.text}"


def dotted(location: Sequence[str | int]) -> str:
    """A place in a config as a key. Numbers are positions in a list: a key counts them from 0, people from 1."""
    positions = [f" (entry {part + 1} of the list)" for part in location if isinstance(part, int)]
    return ".".join(map(str, location)) + "".join(positions)
