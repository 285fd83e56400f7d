"""A wrong value of an option is answered in plain words, with the nearest of the allowed ones."""

import re
from typing import Any

import typer
from typer.core import TyperGroup

from spaces.lookup import did_you_mean

_CHOICE = re.compile(r"'(?P<value>.*)' is not one of (?P<allowed>'[^']*'(?:, '[^']*')*)\.", re.DOTALL)

_WANTED = {
    r"^Input should be a valid integer\b.*": "it must be a whole number.",
    r"^Input should be a valid number\b.*": "it must be a number.",
    r"^Input should be (.*[^.])$": r"it must be \1.",
}
"""pydantic's words for what a value must be, and ours."""


class PlainGroup(TyperGroup):
    """Commands whose messages about wrong values are `reworded`."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = reworded(error.message)
            raise


def reworded(message: str) -> str:
    """typer's message in other words than pydantic's, with the allowed value that is most like the one that came in."""
    text = message.removeprefix("Value error, ")
    for theirs, ours in _WANTED.items():
        text = re.sub(theirs, ours, text)
    found = _CHOICE.fullmatch(text)
    return text + did_you_mean(found["value"], re.findall("'(.*?)'", found["allowed"])) if found else text
