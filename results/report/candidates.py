"""All scores of a run in columns, as small as they can be, for the page's scripts."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from results.columns import is_figure, is_knob
from results.errors import RunError
from results.frame import plain
from results.report.methods import method_colours
from results.run import Run

LAYER = "layer/"
_FIRST, _LAST = ("stem", "backbone", "shortcuts"), ("heads",)


def candidate_columns(run: Run) -> dict[str, Any]:
    """The trials: a list per column, rows in the order of the table.

    knobs: each has its name, its values as JSON texts, and a place in them for each row, -1 where it has no value: a
    page gives a candidate's JSON back exactly. figures: seven digits that count, None for none.
    """
    trials = run.trials
    seconds = [str(name) for name in trials.columns if str(name).startswith("seconds_")]
    figures = [str(name) for name in trials.columns if is_figure(str(name))]
    layers = layers_of(run)
    return {
        "ids": trials["id"].tolist(),
        "rungs": trials["rung"].tolist(),
        "complete": trials["state"].eq("complete").astype(int).tolist(),
        "feasible": trials["feasible"].astype(int).tolist(),
        "reasons": {str(row): str(text) for row, text in enumerate(trials["reason"]) if isinstance(text, str)},
        "knobs": [_coded(name, trials[name]) for name in knobs_in_order(trials)],
        "layers": layers,
        "figures": {name: _numbers(trials[name]) for name in (*figures, *seconds)},
        "methods": [{"name": name, "colour": colour} for name, colour in colours_of(run).items()],
        "command": f"bitfront retrain {shlex.quote(str(run.path))} --candidate ",
    }


def layers_of(run: Run) -> list[str]:
    """The knobs of layers in the order of the network; of a run without a table of layers as far as names tell."""
    names = [str(name) for name in run.trials.columns if str(name).startswith(LAYER)]
    try:
        choices = replace(run, trials=run.trials.head(1)).layers()["choice"].dropna().drop_duplicates().tolist()
    except RunError:
        choices = []
    places = {name: place for place, name in enumerate(choices)}
    return sorted(names, key=lambda name: (places.get(name, len(places)), _depth(name)))


def colours_of(run: Run) -> dict[str, str]:
    """The colours of all methods that layers of its trials have."""
    return method_colours({str(one) for name in layers_of(run) for one in run.trials[name].dropna().unique()})


def knobs_in_order(trials: pd.DataFrame) -> list[str]:
    """All knobs in the order of a candidate's JSON."""
    return [str(name) for name in trials.columns if is_knob(str(name))]


def _depth(layer: str) -> int:
    """Python's sort keeps the table's order within a part."""
    part = layer.removeprefix(LAYER).split(".", 1)[0]
    if part in _FIRST:
        return _FIRST.index(part)
    return len(_FIRST) + (1 + _LAST.index(part) if part in _LAST else 0)


def _coded(name: str, column: pd.Series) -> dict[str, Any]:
    """Values that differ only in their type, such as 1 and 1.0, stay apart in a column of mixed ones."""
    if column.dtype == object:
        texts = [None if pd.isna(one) else json.dumps(plain(one)) for one in column]
        codes, values = pd.factorize(pd.Series(texts, dtype=object))
        return {"name": name, "values": list(values), "codes": codes.tolist()}
    codes, found = pd.factorize(column)
    return {"name": name, "values": [json.dumps(plain(one)) for one in found], "codes": codes.tolist()}


def _numbers(column: pd.Series) -> list[float | None]:
    values = column.to_numpy(dtype=np.float64)
    return [None if not np.isfinite(one) else int(one) if one == int(one) else float(f"{one:.7g}") for one in values]
