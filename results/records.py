"""The records of a run's work as frames: epochs of trainings, seconds of stages, versions, failed trials.

All are read leniently: a running process may be in the middle of a line, and a run may lack a file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from results import layout
from results.columns import is_knob
from results.dictionary import described
from results.errors import RunError


def training_frame(folder: Path) -> pd.DataFrame:
    """A row for each epoch of each training, in the order in which they ended; no rows where nothing was trained."""
    file = folder / layout.TRAINING_LOG
    lines = file.read_bytes().splitlines() if file.is_file() else []
    epochs = [epoch for line in lines if (epoch := _epoch(line)) is not None]
    frame = pd.DataFrame(epochs, columns=list(dict.fromkeys(["stage", "epoch", "of", "loss", *_names(epochs)])))
    figures = [name for name in frame.columns if name not in ("stage", "epoch", "of")]
    kinds = {"stage": "str", "epoch": "int64", "of": "int64"} | dict.fromkeys(figures, "float64")
    return described(frame.astype(kinds), "training")


def seconds_frame(folder: Path) -> pd.DataFrame:
    """A row for each stage, in the order in which they first ended."""
    spent = {name: value for name, value in _mapping(folder / layout.SECONDS).items() if _is_number(value)}
    frame = pd.DataFrame({"stage": list(spent), "seconds": list(spent.values())})
    return described(frame.astype({"stage": "str", "seconds": "float64"}), "seconds")


def environment_frame(folder: Path) -> pd.DataFrame:
    """A row for each fact about what the run was last started on: versions, processor, cores."""
    facts = _mapping(folder / layout.ENVIRONMENT)
    packages = facts.pop("packages", {})
    facts |= packages if isinstance(packages, dict) else {}
    frame = pd.DataFrame({"name": list(facts), "value": [str(value) for value in facts.values()]})
    return described(frame.astype("str"), "environment")


def failures_frame(trials: pd.DataFrame) -> pd.DataFrame:
    """The failed trials with their reasons, in the order in which they failed."""
    knobs = [name for name in trials.columns if is_knob(name)]
    shown = [name for name in ("number", "id", "rung", "reason", "completed", *knobs) if name in trials.columns]
    return described(trials.loc[trials["state"].eq("failed"), shown].reset_index(drop=True), "failures")


def _epoch(line: bytes) -> dict[str, Any] | None:
    """The figures of one line; None for a line that is half written, or somebody else's."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    if not isinstance(entry, dict) or not isinstance(entry.get("stage"), str):
        return None
    figures = {name: value for name, value in entry.items() if _is_number(value)}
    return {"stage": entry["stage"], **figures} if {"epoch", "of"} <= figures.keys() else None


def _names(epochs: list[dict[str, Any]]) -> list[str]:
    return [name for epoch in epochs for name in epoch]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _mapping(file: Path) -> dict[str, Any]:
    """The content of a JSON file; nothing where there is none. RunError when it is damaged."""
    if not file.is_file():
        return {}
    try:
        content = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise RunError(
            f"{file} can't be read ({error}). Delete it; the next start of the run makes it again."
        ) from error
    if not isinstance(content, dict):
        raise RunError(f"{file} holds a {type(content).__name__}, no mapping. Delete it; the run makes it again.")
    return content
