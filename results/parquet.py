"""Tables as Parquet and back, also with columns of mixed types, which Parquet does not have."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from results.errors import RunError

# Both in the file's own metadata: the names of the columns whose values are JSON texts, and notes about the table.
MIXED = b"bitfront.mixed_columns"
NOTES = b"bitfront.notes"


def to_parquet(frame: pd.DataFrame, notes: Mapping[str, str] | None = None) -> bytes:
    """The file's content. A column of mixed types is stored as JSON texts, and said so in the file's metadata.

    notes: what read_parquet gives back beside the table.
    """
    mixed = [str(name) for name in frame.columns if _is_mixed(frame[name])]
    storable = frame.copy(deep=False)
    for name in mixed:
        storable[name] = [None if pd.isna(value) else json.dumps(value) for value in frame[name]]
    table = pa.Table.from_pandas(storable, preserve_index=False)
    # A column without any value has Parquet's null type, which other readers know little about.
    fields = [field.with_type(pa.string()) if pa.types.is_null(field.type) else field for field in table.schema]
    ours = {MIXED: json.dumps(mixed).encode(), NOTES: json.dumps(dict(notes or {})).encode()}
    table = table.cast(pa.schema(fields, metadata={**table.schema.metadata, **ours}))
    content = io.BytesIO()
    pq.write_table(table, content)
    return content.getvalue()


def read_parquet(path: Path) -> tuple[pd.DataFrame, dict[str, str]]:
    """The table in a file that to_parquet made, and its notes. RunError when it is no Parquet file.

    The file is opened once, so that all is of one table, also where another one takes its place meanwhile. There are no
    notes in a file that something else made.
    """
    try:
        table = pq.read_table(pa.BufferReader(path.read_bytes()))
    except (pa.ArrowException, OSError) as error:
        raise RunError(f"{path} is not readable as a trials table: {error}") from error
    frame: pd.DataFrame = table.to_pandas()
    metadata = table.schema.metadata or {}
    for name in json.loads(metadata.get(MIXED, b"[]")):
        values = [None if pd.isna(text) else json.loads(text) for text in frame[name]]
        frame[name] = pd.Series(values, dtype=object, index=frame.index)
    return frame, json.loads(metadata.get(NOTES, b"{}"))


def _is_mixed(column: pd.Series) -> bool:
    return column.dtype == object and any(not isinstance(value, str) for value in column if not pd.isna(value))
