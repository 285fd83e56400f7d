"""The trials table: one row per scored candidate, with a dtype per column that keeps every value as it was."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
import pandas as pd

from results.columns import FLAGS, LEADING, TIMES, is_knob
from results.errors import RunError

STATES = ("complete", "failed")

Record = Mapping[str, object]
Value = str | int | float | bool

TIME_DTYPE = "datetime64[us, UTC]"
# What a knob column of one type becomes. The nullable kinds keep an int an int where other rows have no value.
KNOB_DTYPES: dict[type, str] = {int: "Int64", bool: "boolean", float: "float64"}


def trials_frame(records: Sequence[Record], *, x: str, y: str) -> pd.DataFrame:
    """The table of these records, in their order, without the front flag.

    Columns: number, id, state, reason, rung, the knobs, the figures in order of first appearance, started and completed
    (UTC) where a record has them, feasible. A figure that a record lacks is NaN, a knob or a time that it lacks is
    missing; x and y exist even when no trial is complete. A record without a rung is of rung 0.
    RunError when a record has no number or id, or a state that is not known, a figure that is no number, or a time that
    is none or has no time zone.
    """
    for position, record in enumerate(records):
        _check(position, record)
    names = list(dict.fromkeys(name for record in records for name in record))
    knobs = [name for name in names if is_knob(name)]
    figures = [name for name in names if name not in (*LEADING, *TIMES, *FLAGS) and not is_knob(name)]
    if not any(record["state"] == "complete" for record in records):
        figures += [name for name in (x, y) if name not in figures]
    columns: dict[str, pd.Series] = {"number": pd.Series([r["number"] for r in records], dtype="int64")}
    columns |= {name: pd.Series([r.get(name) for r in records], dtype=object) for name in ("id", "state", "reason")}
    columns["rung"] = pd.Series([r.get("rung", 0) for r in records], dtype="int64")
    columns |= {name: _knob_column([r.get(name) for r in records]) for name in knobs}
    columns |= {name: _figure_column(name, [r.get(name) for r in records]) for name in figures}
    columns |= {name: _time_column(name, [r.get(name) for r in records]) for name in TIMES if name in names}
    feasible = [r["state"] == "complete" and r.get("feasible", True) is not False for r in records]
    return pd.DataFrame(columns | {"feasible": pd.Series(feasible, dtype=bool)})


def knobs_of(row: pd.Series) -> dict[str, Value]:
    """The knobs of one row of the table as plain Python values; those without a value are left out."""
    values = {str(name): value for name, value in row.items() if is_knob(str(name)) and not pd.isna(value)}
    return {name: plain(value) for name, value in values.items()}


def plain(value: object) -> Value:
    """A value of the table as the str, int, float or bool it was when it was recorded."""
    unpacked: Value = value.item() if isinstance(value, np.generic) else value  # type: ignore[assignment]
    return unpacked


def _check(position: int, record: Record) -> None:
    missing = [name for name in LEADING[:3] if record.get(name) is None]
    if missing:
        raise RunError(f"Record {position} has no {' and no '.join(missing)}; every record needs them.")
    if record["state"] not in STATES:
        raise RunError(f"Record {position} has the state {record['state']!r}, must be one of {', '.join(STATES)}.")


def _knob_column(values: list[object]) -> pd.Series:
    """A column of one type gets that type's dtype; mixed types stay Python objects, so that 1, 1.0 and True differ."""
    present = [None if _is_missing(value) else plain(value) for value in values]
    types = {type(value) for value in present if value is not None}
    dtype = KNOB_DTYPES.get(types.pop(), "object") if len(types) == 1 else "object"
    if dtype == "Int64" and any(isinstance(value, int) and value.bit_length() > 63 for value in present):
        dtype = "object"
    return pd.Series(present, dtype=dtype)


def _figure_column(name: str, values: list[object]) -> pd.Series:
    try:
        numbers = [math.nan if value is None else float(value) for value in values]  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise RunError(f"The column {name!r} has a value that is no number: {error}.") from error
    return pd.Series(numbers, dtype="float64")


def _time_column(name: str, values: list[object]) -> pd.Series:
    for value in values:
        if value is not None and not (isinstance(value, datetime) and value.tzinfo is not None):
            raise RunError(f"The column {name!r} has {value!r}, which is no time with a time zone.")
    return pd.Series(values, dtype=TIME_DTYPE)


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
