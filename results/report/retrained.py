"""The table of retrained candidates: a row for each way in which one was trained, over its seeds."""

from __future__ import annotations

import shlex
from typing import Any

import pandas as pd

from results import layout
from results.errors import RunError
from results.report.candidate_roles import alike, roles_of
from results.report.config import read_config, setting
from results.report.section import Table
from results.report.text import accuracy, quantity, shortened
from results.run import Run

TWIN = "twin"
CAPTION = "Retrained candidates, on the test images: mean ± standard deviation over seeds"


def retrained_table(run: Run) -> Table:
    """Rows that differ in more than the seed stay apart; the twin's, with its own epochs, is the last.

    RunError where nothing was retrained.
    """
    frame = run.retrained()
    if frame.empty:
        command = f"bitfront retrain {shlex.quote(str(run.path))} --pick knee"
        raise RunError(f"No candidate was retrained. Do it with: {command}")
    roles = roles_of(run, frame)
    names = [str(name) for name in frame.columns]
    settings = [n for n in names if n.startswith("setting_") and frame[n].astype(str).nunique() > 1]
    told = ["start", "epochs", *settings]
    tests = [name for name in names if name.startswith("test_") and frame[name].notna().any()]
    figures = [name for name in (f"score_{run.y}", *tests, run.x) if name in names]
    groups = [rows for _, rows in frame.groupby(alike(frame), sort=False)]
    groups.sort(key=lambda rows: roles.place(rows["id"].iloc[0]))
    rows = [
        [
            roles.name(one["id"].iloc[0]),
            *(_text(one[name].iloc[0]) for name in told),
            str(len(one)),
            *(_mean(one[name], name == run.x) for name in figures),
        ]
        for one in groups
    ]
    rows += _twin(run, frame, told, figures)
    heads = ["candidate", "start", "epochs", *(name.removeprefix("setting_") for name in settings), "seeds"]
    heads += [name.replace("_", " ", 1) if name.startswith(("test_", "score_")) else name for name in figures]
    return Table(CAPTION, heads, rows, frozenset(range(2, len(heads))))


def _twin(run: Run, frame: pd.DataFrame, told: list[str], figures: list[str]) -> list[list[str]]:
    """The twin's row, where results have its figures. How long one was trained that the user gave isn't known."""
    if f"twin_{run.y}" not in frame or not frame[f"twin_{run.y}"].notna().any():
        return []
    last = frame[frame[f"twin_{run.y}"].notna()].iloc[-1]
    config = read_config(run.path)
    trained = (run.path / layout.TEACHERS / f"{TWIN}.safetensors").is_file()
    epochs = setting(config, "teachers.twin.epochs")
    known = trained or setting(config, "teachers.twin.weights") is None
    said = {"epochs": str(epochs) if known and isinstance(epochs, int) else "-"}
    of_twin = [last.get(name.replace("test_", "twin_", 1)) if name.startswith("test_") else None for name in figures]
    cells = [accuracy(float(value)) if value is not None and pd.notna(value) else "-" for value in of_twin]
    return [["the real-valued twin, a teacher", *(said.get(name, "-") for name in told), "1", *cells]]


def _text(value: Any) -> str:
    return "-" if pd.isna(value) else shortened(value, 30)


def _mean(values: pd.Series, is_cost: bool) -> str:
    """Of known values. Scores and costs are the same for all seeds, and have no deviation."""
    known = values.dropna().astype(float)
    if known.empty:
        return "-"
    if is_cost:
        return quantity(known.iloc[0])
    same = len(known) < 2 or str(values.name).startswith("score_")
    return accuracy(known.mean()) if same else f"{accuracy(known.mean())} ± {accuracy(known.std())}"
