"""Pydantic's errors as problems in YAML's words: lists, mappings and text instead of Python's types."""

import re
from collections.abc import Iterator, Sequence
from types import UnionType
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from search.config.problems import Kind, Problem, dotted
from search.controller.database_url import masked
from spaces.lookup import nearest

NAME = "[key]"
"""Pydantic puts this behind the name of an entry when the name itself is wrong."""

NO_SUCH_KEY = ("extra_forbidden", "invalid_key")
LIST = "a list, such as [a, b]"
WANTED = {
    "tuple": LIST,
    "list": LIST,
    "dict": "a mapping of names, such as {name: value}",
    "model": "a mapping of keys, such as {key: value}",
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "none": "null",
}
"""What a value must be, by the first word of pydantic's name of a type error, such as int_parsing."""

LONGEST_VALUE = 60
"""A longer value is cut to so many characters."""


def schema_problems(error: ValidationError, schema: type[BaseModel]) -> list[Problem]:
    """One problem for each wrong key or value; `schema` is what was validated.

    A key that is missing because it was misspelt is reported once, by the misspelt one. The values behind a wrong name
    are not reported.
    """
    details = error.errors()
    meant = {_meant(one["loc"], schema) for one in details if one["type"] in NO_SUCH_KEY}
    wrong_names = [one["loc"][:-1] for one in details if _is_name(one)]
    reported = []
    for one in details:
        misspelt = one["type"] == "missing" and one["loc"] in meant
        behind_a_name = not _is_name(one) and any(one["loc"][: len(name)] == name for name in wrong_names)
        if not (misspelt or behind_a_name):
            reported.append(_problem(one, schema))
    return reported


def yaml_text(value: object) -> str:
    """A value as YAML has it, text in quotes; a long one is cut."""
    if isinstance(value, str):
        return cut(repr(value))
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=float("inf"))
    return cut(text.removesuffix("\n...\n").strip())


def cut(text: str, longest: int = LONGEST_VALUE) -> str:
    """The text in one line without passwords; where it is longer than `longest`, its beginning and dots."""
    line = " ".join(masked(text).split())
    return line if len(line) <= longest else f"{line[: longest - 3]}..."


def _problem(error: ErrorDetails, schema: type[BaseModel]) -> Problem:
    code, value, location = error["type"], error["input"], list(error["loc"])
    if _is_name(error):
        location = [*location[:-2], str(location[-2])]  # as text: a number would be a position in a list
    if code in NO_SUCH_KEY:
        *parents, name = [*location[:-1], yaml_text(value)] if code == "invalid_key" else location
        elsewhere = [one for one in _all_keys(schema) if one.rpartition(".")[2] == name]
        return _no_such_key([*parents, str(name)], list(_section(parents, schema).model_fields), elsewhere)
    if _is_name(error) and code == "literal_error":
        return _no_such_key(location, re.findall(r"'(.*?)'", error["ctx"]["expected"]))
    key = dotted(location)
    if code == "missing":
        return Problem(key, Kind.MISSING, "is missing and has no default.")
    subject = "the name is" if _is_name(error) else "is"
    kind = Kind.WRONG_TYPE if _first_word(error) in WANTED else Kind.NOT_ALLOWED
    return Problem(key, kind, f"{subject} {yaml_text(value)}, {_allowed(error, schema)}.", value)


def _allowed(error: ErrorDetails, schema: type[BaseModel]) -> str:
    word, value = _first_word(error), error["input"]
    if error["type"] == "too_short":
        return "must have one entry or more"
    if word not in WANTED:
        text = error["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
        return text[:1].lower() + text[1:]
    if word == "string" and not isinstance(value, list | dict | None):
        return f"must be {WANTED[word]}: put it in quotes"
    if word == "model" and value is None and not _required(error["loc"], schema):
        return f"must be {WANTED[word]}, or {{}} for the defaults"
    return f"must be {WANTED[word]}"


def _first_word(error: ErrorDetails) -> str:
    return error["type"].partition("_")[0]


def _required(location: Sequence[str | int], schema: type[BaseModel]) -> list[str]:
    """The keys without a default of the section at a place."""
    return [name for name, field in _section(location, schema).model_fields.items() if field.is_required()]


def _no_such_key(location: Sequence[str | int], known: Sequence[str], elsewhere: Sequence[str] = ()) -> Problem:
    """`elsewhere` are whole keys to suggest where no known one is near."""
    *parents, name = location
    near = nearest(str(name), known)
    meant = ".".join(map(str, [*parents, near])) if near is not None else next(iter(elsewhere), None)
    hint = f" Did you mean {meant}?" if meant is not None else ""
    return Problem(dotted(location), Kind.NO_SUCH_KEY, f"there is no such key.{hint} Known here: {', '.join(known)}.")


def _is_name(error: ErrorDetails) -> bool:
    """Whether the name of an entry is wrong, not its value."""
    return error["loc"][-1:] == (NAME,)


def _meant(location: Sequence[str | int], schema: type[BaseModel]) -> tuple[str | int, ...]:
    """The key that an unknown one may stand for; the unknown one itself where none is near."""
    *parents, name = location
    return (*parents, nearest(str(name), _section(parents, schema).model_fields) or name)


def _section(location: Sequence[str | int], schema: type[BaseModel]) -> Any:
    """The type at a place. In a mapping or list of sections, a name or position leads to the type of its entries."""
    section: Any = schema
    for part in location:
        if isinstance(section, type) and issubclass(section, BaseModel):
            section = section.model_fields[str(part)].annotation
            if isinstance(section, UnionType):  # a section, or null
                section = next(_sections_in(section), section)
        else:
            section = next(_sections_in(section))
    return section


def _sections_in(annotation: Any) -> Iterator[type[BaseModel]]:
    return (one for one in get_args(annotation) if isinstance(one, type) and issubclass(one, BaseModel))


def _all_keys(section: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in section.model_fields.items():
        yield f"{prefix}{name}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _all_keys(field.annotation, f"{prefix}{name}.")
