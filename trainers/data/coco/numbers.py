"""Numbers as the tools that write COCO's files spell them: 12, 12.0 and "12" are the same."""

import re

LARGEST = 10**9
"""The largest side and coordinate allowed, in pixels; a float holds such numbers exactly."""

_EXACT = 2**53
"""Up to it a float holds every whole number; beyond it two ids may be the same float."""

# Digits are few, so that nothing overflows, and no digits of other scripts.
_WHOLE = re.compile(r"\s*([+-]?[0-9]{1,18})(\.0*)?\s*")
_DECIMAL = re.compile(r"\s*[+-]?([0-9]{1,18}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][+-]?[0-9]{1,3})?\s*")


def whole(value: object) -> int | None:
    """The whole number that a value from a file stands for; None for any other value, truth values among them."""
    if type(value) is int:
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) <= _EXACT else None
    match = _WHOLE.fullmatch(value) if isinstance(value, str) else None
    return int(match[1]) if match else None


def number(value: object) -> float | None:
    """The number of at most `LARGEST` that a value stands for; None for any other value, NaN and infinity among them.

    JSON of 7 stays an int, so that messages repeat it as it came in.
    """
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        value = float(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and -LARGEST <= value <= LARGEST:
        return value
    return None


def flag(value: object) -> bool | None:
    """The truth value that 0, 1, false, true or null stands for; None for any other value."""
    if value is None or isinstance(value, bool):
        return bool(value)
    one = whole(value)
    return one == 1 if one in (0, 1) else None
