"""Any frame as a file: CSV, Parquet and JSON for programs, Markdown and LaTeX for people."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from results.errors import RunError
from results.files import write_whole
from results.parquet import to_parquet
from results.text_tables import latex, markdown

SUFFIXES: Final = {".csv": "csv", ".parquet": "parquet", ".json": "json", ".md": "markdown", ".tex": "latex"}
"""The format by the ending of a file's name."""


def export(frame: pd.DataFrame, path: str | os.PathLike[str], form: str | None = None) -> None:
    """Write a frame to a file, whole or not at all.

    form: csv, parquet, json, markdown or latex; by the file's ending where it is None. CSV, Parquet and JSON keep every
    number bit for bit, Markdown and LaTeX round. A missing value is empty, in JSON null. The index is left out.
    RunError for another format or ending.
    """
    target = Path(path)
    if form is None and target.suffix.lower() not in SUFFIXES:
        raise RunError(f"{target} ends in {target.suffix!r}; a table ends in one of {', '.join(SUFFIXES)}.")
    write_whole(target, frame_bytes(frame, form or SUFFIXES[target.suffix.lower()]))


def frame_bytes(frame: pd.DataFrame, form: str) -> bytes:
    """The content of such a file. RunError for another format."""
    if form == "csv":
        return frame.to_csv(index=False, lineterminator="\n").encode()
    if form == "parquet":
        return to_parquet(frame)
    if form == "json":
        return (json.dumps(plain_rows(frame, None), indent=2, allow_nan=False, default=str) + "\n").encode()
    if form in ("markdown", "latex"):
        return (markdown if form == "markdown" else latex)(plain_rows(frame, "")).encode()
    raise RunError(f"The format is {form!r}; allowed are {', '.join(SUFFIXES.values())}.")


def plain_rows(frame: pd.DataFrame, missing: object) -> list[dict[str, object]]:
    """The rows as plain Python values, with `missing` in place of what has no value."""
    columns = {str(name): [_plain(value, missing) for value in frame[name].tolist()] for name in frame.columns}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _plain(value: object, missing: object) -> object:
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and not np.isfinite(value)):
        return missing
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    return value.item() if isinstance(value, np.generic) else value
