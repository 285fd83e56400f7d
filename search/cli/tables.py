"""Rows on a terminal or in a file: a table, Markdown or LaTeX for people; CSV, JSON or Parquet for programs."""

import io
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from results.columns import ERROR, MODEL
from results.files import write_whole
from results.frame import knobs_of
from results.frame_files import frame_bytes
from results.tables import front_json
from results.text_tables import Row, cell, latex, markdown
from search.cli.options import Format
from search.controller.objectives import OBJECTIVES
from search.errors import RunError
from spaces.candidate import Candidate

UNBOUND_WIDTH = 1000
"""The table's width in a file or a pipe, where no column need be wrapped."""


def print_front(front: pd.DataFrame, x: str, y: str, form: Format = Format.TABLE, output: Path | None = None) -> None:
    """Write a front to `output`, or to stdout. Raises RunError for Parquet on a terminal, which it would garble."""
    if form is Format.JSON:
        content = front_json(front, x, y).encode()
    elif form.for_people:
        content = text_of([front_row(row, x, y) for _, row in front.iterrows()], form, output).encode()
    else:
        content = frame_bytes(front, form)
    emit(content, form, output)


def print_frame(frame: pd.DataFrame, rows: Sequence[Row], form: Format, output: Path | None) -> None:
    """Write a frame for programs, or its rows for people. Raises RunError for Parquet on a terminal."""
    if form is Format.JSON:
        content = (frame.to_json(orient="records", indent=2) + "\n").encode()
    elif form.for_people:
        content = text_of(rows, form, output).encode()
    else:
        content = frame_bytes(frame, form)
    emit(content, form, output)


def print_rows(rows: Sequence[Row], form: Format = Format.TABLE, output: Path | None = None) -> None:
    """Write rows with equal keys to `output`, or to stdout. Raises RunError for Parquet on a terminal."""
    if form is Format.JSON:
        content = (json.dumps([dict(row) for row in rows], indent=2) + "\n").encode()
    elif form.for_people:
        content = text_of(rows, form, output).encode()
    else:
        content = frame_bytes(pd.DataFrame([dict(row) for row in rows]), form)
    emit(content, form, output)


def front_row(row: pd.Series, x: str, y: str) -> dict[str, object]:
    """A candidate for people: its figures, how many layers have which method, which teacher each term has.

    y may be an accuracy by the model: its standard error stands beside it.
    """
    error = [y.removesuffix(MODEL) + ERROR] if y.endswith(MODEL) else []
    others = [*error, *(name for name in OBJECTIVES if name in row.index and name not in (x, y))]
    candidate = Candidate(knobs_of(row))
    methods = Counter(candidate.layers().values()).most_common()
    return {
        "id": row["id"],
        **{name: row[name] for name in (x, y, *others)},
        "layers": ", ".join(f"{count} {method}" for method, count in methods),
        "teachers": ", ".join(f"{term}: {one.teacher} x {one.weight:g}" for term, one in candidate.terms().items()),
    }


def text_of(rows: Sequence[Row], form: Format, output: Path | None) -> str:
    """Rows for people: a table as wide as the terminal, or one for Markdown or LaTeX."""
    if form is Format.LATEX:
        return latex(rows)
    return markdown(rows) if form is Format.MARKDOWN else table_text(rows, output is None)


def noted(text: str, form: Format) -> str:
    """A sentence under such a table; in LaTeX a comment."""
    return f"% {text}" if form is Format.LATEX else text


def table_text(rows: Sequence[Row], for_terminal: bool = False) -> str:
    """An aligned table: whole numbers with separators, others with four digits. Names are never read as markup."""
    fits = for_terminal and sys.stdout.isatty()
    console = Console(file=io.StringIO(), width=None if fits else UNBOUND_WIDTH, force_terminal=fits)
    table = Table()
    for name in rows[0] if rows else ():
        side: JustifyMethod = "right" if isinstance(rows[0][name], int | float) else "left"
        table.add_column(Text(name), justify=side, overflow="fold")
    for row in rows:
        if row.keys() != rows[0].keys():
            raise ValueError(f"The rows have different keys: {', '.join(rows[0])} and {', '.join(row)}.")
        table.add_row(*(Text(cell(name, row[name])) for name in rows[0]))
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def emit(content: bytes, form: Format, output: Path | None) -> None:
    """Write to `output`, or to stdout. Raises RunError for Parquet on a terminal, and for a place without a folder."""
    if output is not None:
        folder = Path(os.path.realpath(output)).parent
        if output.is_dir() or not folder.is_dir():
            what = "is a folder" if output.is_dir() else f"can't be written: there is no folder {folder}"
            raise RunError(f"--output {output} {what}. Give the name of a file.")
        write_whole(output, content)
    elif form is Format.PARQUET and sys.stdout.isatty():
        raise RunError("Parquet is binary and would garble the terminal. Give --output FILE.")
    else:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
