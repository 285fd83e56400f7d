"""The candidates of a run that were trained to the end: their figures on the test images beside their scores."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from results import layout
from results.dictionary import described
from results.errors import RunError
from results.figures import ACCURACIES, COSTS

BOOKKEEPING = {"id": "str", "path": "str", "epochs": "Int64", "seed": "Int64", "start": "str"}
NAMED_SETTINGS = ("epochs", "seed", "start")
WANTED = {"epochs": "a whole number", "seed": "a whole number", "start": "text"}
"""What a value must be that is no figure; figures are numbers."""


def retrained_frame(folder: Path, trials: pd.DataFrame) -> pd.DataFrame:
    """A row for each finished training in `retrained/`, by id and then as they were made; none where there are none.

    Columns that no result has are left out, but for the first five; a value that a result lacks is missing.
    RunError for a file of figures that can't be read.
    """
    files = sorted((folder / layout.RETRAINED).glob(f"*/{layout.RESULT_FIGURES}"), key=_order)
    scores = _scores(trials)
    rows = [_row(file, _content(file), scores) for file in files]
    groups = ("score_", "test_", "twin_", "", "setting_")
    names = {name: None for row in rows for name in row if name not in BOOKKEEPING}
    figures = [name for group in groups for name in names if _group(name) == group]
    frame = pd.DataFrame(rows, columns=[*BOOKKEEPING, *figures])
    numbers = {name: "float64" for name in figures if _group(name) != "setting_"}
    others = {name: "object" for name in figures if _group(name) == "setting_"}
    return described(frame.astype(BOOKKEEPING | numbers | others), "retrained")


def _order(file: Path) -> tuple[str, int]:
    """`<id>`, `<id>.2`, `<id>.3`, ..."""
    name, _, count = file.parent.name.partition(".")
    return name, int(count) if count.isdecimal() else 0


def _content(file: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise RunError(f"{file} can't be read ({error}). Delete it, then train the candidate again.") from error
    if not isinstance(content, dict):
        raise RunError(f"{file} holds a {type(content).__name__}, no figures. Delete it, then train again.")
    return content


def _scores(trials: pd.DataFrame) -> dict[str, Mapping[str, Any]]:
    """The accuracies of each candidate's score at its highest complete rung, by id."""
    complete = (
        trials[trials["state"].eq("complete")].sort_values("rung", kind="stable").drop_duplicates("id", keep="last")
    )
    named = complete.set_index("id")[[name for name in ACCURACIES if name in trials.columns]]
    rows: list[dict[str, Any]] = named.to_dict("records")  # type: ignore[assignment]
    return dict(zip(named.index, rows, strict=True))


def _row(file: Path, kept: Mapping[str, Any], scores: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    settings = _part(kept, "settings")
    own = str(kept.get("id", file.parent.name.partition(".")[0]))
    row: dict[str, Any] = {"id": own, "path": str(file.parent)}
    row |= {name: settings.get(name, kept.get(name)) for name in NAMED_SETTINGS}
    row |= {f"score_{name}": value for name, value in scores.get(own, {}).items()}
    for group, part in (("test_", "test"), ("twin_", "twin_test"), ("", "costs")):
        known = ACCURACIES if group else COSTS
        row |= {f"{group}{name}": value for name, value in _part(kept, part).items() if name in known}
    _check(file, row)
    others = {name: value for name, value in settings.items() if name not in NAMED_SETTINGS}
    return row | {f"setting_{name}": _scalar(value) for name, value in others.items()}


def _check(file: Path, row: Mapping[str, Any]) -> None:
    """RunError for a value of another type than its column's. Settings of other names may have any."""
    for name, value in row.items():
        wanted = WANTED.get(name, "text" if name in BOOKKEEPING else "a number")
        types = {"text": str, "a whole number": int, "a number": int | float}[wanted]
        if value is not None and (not isinstance(value, types) or isinstance(value, bool)):
            said = f"{name} is {value!r}, must be {wanted}"
            raise RunError(f"{file} can't be read ({said}). Delete it, then train the candidate again.")


def _scalar(value: object) -> object:
    """The value, a list or a mapping as its JSON text, so that each cell can be compared and exported."""
    return json.dumps(value) if isinstance(value, list | dict) else value


def _part(kept: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = kept.get(name)
    return part if isinstance(part, dict) else {}


def _group(column: str) -> str:
    prefix = column.partition("_")[0] + "_"
    return prefix if prefix in ("score_", "test_", "twin_", "setting_") else ""
