"""What the schema finds wrong with a config, in YAML's words: lists, mappings and text, no tuples or dictionaries."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from search.config.names import dotted
from search.config.schema import Config
from spaces.lookup import nearest

NAME = "[key]"
"""What pydantic puts behind the name of an entry when the name itself is wrong."""
NO_SUCH_KEY = ("extra_forbidden", "invalid_key")
LIST = "a list, such as [a, b]"
WHOLE_NUMBER, NUMBER, TRUTH = "a whole number", "a number", "true or false"
MAPPING = "a mapping of names, such as {name: value}"
SECTION = "a mapping of keys, such as {key: value}"

WANTED = {
    "tuple_type": LIST,
    "list_type": LIST,
    "set_type": LIST,
    "dict_type": MAPPING,
    "model_type": SECTION,
    "string_type": "text",
    "int_type": WHOLE_NUMBER,
    "int_parsing": WHOLE_NUMBER,
    "int_parsing_size": WHOLE_NUMBER,
    "int_from_float": WHOLE_NUMBER,
    "float_type": NUMBER,
    "float_parsing": NUMBER,
    "bool_type": TRUTH,
    "bool_parsing": TRUTH,
    "none_required": "null",
}
"""By pydantic's name of a mistake what a value of the right type is."""

LONGEST = 60
"""How many characters of a value are shown."""


def mistakes(error: ValidationError) -> list[str]:
    """One text for each wrong key or value: its dotted key, what came in, what is allowed.

    A key that is missing because it was misspelt is told once, by the misspelt one. What lies behind a wrong name is
    not looked at.
    """
    found = error.errors()
    meant = {_meant(one["loc"]) for one in found if one["type"] in NO_SUCH_KEY}
    names = [one["loc"][:-1] for one in found if _is_name(one)]
    told = []
    for one in found:
        missed = one["type"] == "missing" and one["loc"] in meant
        behind = not _is_name(one) and any(one["loc"][: len(name)] == name for name in names)
        if not (missed or behind):
            told.append(_mistake(one))
    return told


def shown(value: object) -> str:
    """A value as YAML has it, text in quotes; a long one is cut."""
    if isinstance(value, str):
        return cut(repr(value))
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=float("inf"))
    return cut(text.removesuffix("\n...\n").strip())


def cut(text: str, longest: int = LONGEST) -> str:
    """The text in one line, and its beginning alone where it is longer."""
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 3]}..."


def _mistake(error: ErrorDetails) -> str:
    kind, value, location = error["type"], error["input"], list(error["loc"])
    if _is_name(error):
        location = [*location[:-2], str(location[-2])]  # a number that is left is a position in a list
    key = dotted(location)
    if kind in NO_SUCH_KEY:
        *parents, name = [*location[:-1], shown(value)] if kind == "invalid_key" else location
        elsewhere = [one for one in _all_keys(Config) if one.rpartition(".")[2] == name]
        return _no_such_key([*parents, str(name)], list(_section(parents).model_fields), elsewhere)
    if kind == "missing":
        return f"{key}: is missing and has no default."
    if kind == "too_short":
        return f"{key}: is {shown(value)}, must have one entry or more."
    if _is_name(error) and kind == "literal_error":
        return _no_such_key(location, re.findall(r"'(.*?)'", error["ctx"]["expected"]))
    subject = "the name is" if _is_name(error) else "is"
    return f"{key or 'the config'}: {subject} {shown(value)}, {_allowed(error)}."


def _allowed(error: ErrorDetails) -> str:
    kind, value = error["type"], error["input"]
    if kind not in WANTED:
        text = error["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
        return text[:1].lower() + text[1:]
    if kind == "string_type" and not isinstance(value, list | dict | None):
        return f"must be {WANTED[kind]}: put it in quotes"
    if kind == "model_type" and value is None and not _required(error["loc"]):
        return f"must be {WANTED[kind]}, or {{}} for the defaults"
    return f"must be {WANTED[kind]}"


def _required(location: Sequence[str | int]) -> list[str]:
    """The keys without a default of the section at a place."""
    return [name for name, field in _section(location).model_fields.items() if field.is_required()]


def _no_such_key(location: Sequence[str | int], known: Sequence[str], elsewhere: Sequence[str] = ()) -> str:
    """`elsewhere` are whole keys to suggest where no known one is near."""
    *parents, name = location
    near = nearest(str(name), known)
    meant = ".".join(map(str, [*parents, near])) if near is not None else next(iter(elsewhere), None)
    hint = f" Did you mean {meant}?" if meant is not None else ""
    return f"{dotted(location)}: there is no such key.{hint} Known here: {', '.join(known)}."


def _is_name(error: ErrorDetails) -> bool:
    """Whether what is wrong is the name of an entry, not its value."""
    return error["loc"][-1:] == (NAME,)


def _meant(location: Sequence[str | int]) -> tuple[str | int, ...]:
    """The key that an unknown one may stand for, or that one itself where none is near."""
    *parents, name = location
    return (*parents, nearest(str(name), _section(parents).model_fields) or name)


def _section(location: Sequence[str | int]) -> Any:
    """The section at a place; sections by name or in a row stand for themselves until one is taken."""
    section: Any = Config
    for part in location:
        if isinstance(section, type) and issubclass(section, BaseModel):
            section = section.model_fields[str(part)].annotation
        else:
            section = next(one for one in get_args(section) if isinstance(one, type) and issubclass(one, BaseModel))
    return section


def _all_keys(section: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in section.model_fields.items():
        yield f"{prefix}{name}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _all_keys(field.annotation, f"{prefix}{name}.")
