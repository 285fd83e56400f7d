"""The types of a config's values."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from spaces.lookup import nearest
from trainers.data.formats import FORMATS


def number(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a number, not true or false")
    return value


def file_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise ValueError("must consist of letters, digits, '.', '_' and '-', and start with a letter or digit")
    return name


def gpu_part(part: float) -> float:
    if part != 0 and (part < 0.001 or (part > 1 and part % 1 != 0)):
        raise ValueError("must be 0, a part of one GPU from 0.001 to 1, or a whole number of GPUs")
    return part


def year_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def known_format(value: object) -> object:
    names = list(FORMATS)
    if value not in names:
        near = nearest(value, names) if isinstance(value, str) else None
        hint = f" (did you mean {near!r}?)" if near is not None else ""
        raise ValueError(f"must be {', '.join(map(repr, names[:-1]))} or {names[-1]!r}{hint}")
    return value


NULL_LIST = BeforeValidator(lambda value: () if value is None else value)
NULL_MAPPING = BeforeValidator(lambda value: {} if value is None else value)
"""Null means empty: YAML reads a key with nothing behind it as null."""

Count = Annotated[int, Field(strict=True, ge=1)]
NotNegative = Annotated[int, Field(strict=True, ge=0)]
Positive = Annotated[float, BeforeValidator(number), Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, BeforeValidator(number), Field(gt=0, lt=1)]
BatchSize = Annotated[int, Field(strict=True, ge=2)]  # BatchNorm needs more than one image
Name = Annotated[str, AfterValidator(file_name)]
Format = Annotated[str, BeforeValidator(known_format)]
Methods = Annotated[tuple[str, ...], Field(min_length=1)]
