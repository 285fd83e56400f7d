"""The types of a config's values: their bounds, and what is wrong with a value outside of them."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from spaces.lookup import nearest
from trainers.data.formats import FORMATS


def _no_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a number, not true or false")
    return value


def _part(value: object) -> object:
    fits = isinstance(value, int | float) and (0 < value < 1 or (1 <= value < 2**31 and value % 1 == 0))
    if isinstance(value, bool) or not fits:
        raise ValueError("must be a whole number of images, or a share of them below 1")
    return value


def _file_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise ValueError("must consist of letters, digits, '.', '_' and '-', and start with a letter or digit")
    return name


def _gpu(part: float) -> float:
    if part != 0 and (part < 0.001 or (part > 1 and part % 1 != 0)):
        raise ValueError("must be 0, a part of one GPU from 0.001 to 1, or a whole number of GPUs")
    return part


def _year(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _known_format(value: object) -> object:
    names = list(FORMATS)
    if value not in names:
        near = nearest(value, names) if isinstance(value, str) else None
        hint = f" (did you mean {near!r}?)" if near is not None else ""
        raise ValueError(f"must be {', '.join(map(repr, names[:-1]))} or {names[-1]!r}{hint}")
    return value


def _by_module(value: object) -> object:
    names = [value] if isinstance(value, str) else [*value, *value.values()] if isinstance(value, dict) else [None]
    if all(isinstance(name, str) for name in names):
        return value
    raise ValueError("must be a method, or a mapping of modules to methods")


NULL_LIST = BeforeValidator(lambda value: () if value is None else value)
NULL_MAPPING = BeforeValidator(lambda value: {} if value is None else value)
"""Null means empty: YAML reads a key with nothing behind it as null."""

Count = Annotated[int, Field(strict=True, ge=1)]
NotNegative = Annotated[int, Field(strict=True, ge=0)]
Positive = Annotated[float, BeforeValidator(_no_bool), Field(gt=0, allow_inf_nan=False)]
Scale = Annotated[float, BeforeValidator(_no_bool), Field(ge=0.1, le=4)]
FromZero = Annotated[float, BeforeValidator(_no_bool), Field(ge=0, allow_inf_nan=False)]
FromZeroBelowOne = Annotated[float, BeforeValidator(_no_bool), Field(ge=0, lt=1)]
FromZeroToOne = Annotated[float, BeforeValidator(_no_bool), Field(ge=0, le=1)]
Share = Annotated[float, BeforeValidator(_no_bool), Field(gt=0, lt=1)]
Part = Annotated[int | float, BeforeValidator(_part)]  # a number of images, or a share below 1
Decay = Share | None  # of a moving average of weights; null: none
Precision = Literal["float32", "bf16", "fp16"]
BatchSize = Annotated[int, Field(strict=True, ge=2)]  # BatchNorm needs more than one image
Name = Annotated[str, AfterValidator(_file_name)]
Format = Annotated[str, BeforeValidator(_known_format)]
Methods = Annotated[tuple[str, ...], Field(min_length=1)]
MethodByModule = Annotated[str | dict[str, str], BeforeValidator(_by_module)]
Year = Annotated[str, BeforeValidator(_year)]
Cores = Annotated[float, BeforeValidator(_no_bool), Field(ge=0.001, allow_inf_nan=False)]
GpuPart = Annotated[float, BeforeValidator(_no_bool), AfterValidator(_gpu)]
