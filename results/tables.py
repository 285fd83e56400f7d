"""The files that a search leaves: its trials, their front in three formats, and a picture of it.

Floats are written so that CSV and JSON give them back bit for bit (read_csv of pandas 3.1 does; give older ones
float_precision="round_trip"). Read the CSV with dtype={"id": str}: an id can look like a number.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from results import layout
from results.columns import check_axes, is_accuracy, is_error
from results.effects import AccuracyEffects, effects_files
from results.figures import COSTS
from results.files import write_whole
from results.frame import Record, knobs_of, trials_frame
from results.front import front_flags, front_rows
from results.parquet import to_parquet
from results.rivals import drawn_rivals
from results.state import ENDED, PLANNED, YES


def write_run_tables(
    run_dir: str | os.PathLike[str],
    records: Sequence[Record],
    *,
    x: str,
    y: str,
    references: Mapping[str, str] | None = None,
    effects: Sequence[AccuracyEffects] = (),
    planned: int | None = None,
    ended: bool = True,
) -> None:
    """Write the trials, their front, its picture and the effects into an existing run folder (`results.layout`).

    Before the search has `ended` there is no picture and there are no effects: they take longer than all the rest.

    records: one flat mapping per finished trial, in order of completion: number, id, state (complete or failed),
    reason, the knobs, the accuracies and costs, seconds_*, feasible (a complete trial is, unless it says otherwise).
    x is the cost and y the accuracy whose front is written, and flagged in the column `front` of the trials; both are
    noted in trials.parquet, and an opened Run uses them by default. Where records have several rungs, the front is that
    of the highest one that has any.
    references: labels for some ids in the picture. effects: by accuracy. planned: how many trials the search will have;
    as many as there are, where it is None.
    Everything is computed before anything is written; each file appears whole or not at all. RunError for a bad record
    or axis.
    """
    trials = trials_frame(records, x=x, y=y)
    check_axes(trials, x, y)
    trials["front"] = front_flags(trials, x, y)
    front = front_rows(trials, x, y)
    count = trials["number"].nunique() if planned is None else planned
    notes = {"x": x, "y": y, PLANNED: str(count), **({ENDED: YES} if ended else {})}
    contents = {
        f"{layout.FRONT}.csv": front.to_csv(index=False, lineterminator="\n").encode(),
        f"{layout.FRONT}.json": front_json(front, x, y).encode(),
        f"{layout.FRONT}.parquet": to_parquet(front),
    }
    if ended:
        contents |= effects_files(effects)
        contents[f"{layout.FRONT}.png"] = front_picture(trials, x, y, references, drawn_rivals(Path(run_dir), y))
    contents[layout.TRIALS] = to_parquet(trials, notes=notes)  # last: it says that the search has ended
    for name, content in contents.items():
        write_whole(Path(run_dir) / name, content)


def front_picture(
    trials: pd.DataFrame, x: str, y: str, references: Mapping[str, str] | None, beside: pd.DataFrame | None
) -> bytes:
    """The picture of the front as a PNG file; the arguments are those of `front_figure`."""
    from results.plots import front_figure, rendered  # here, since matplotlib is slow to import

    return rendered(front_figure(trials, x, y, references, trained=beside))


def front_json(front: pd.DataFrame, x: str, y: str) -> str:
    """The front as a list of objects: id, metrics, costs, candidate (its knobs). A figure that is missing is null.

    Where the trials have several rungs, each object has its rung too.
    """
    figures = {
        "metrics": [name for name in front.columns if is_accuracy(name) or is_error(name) or name == y],
        "costs": [name for name in front.columns if name in COSTS or name == x],
    }
    rows = [
        {"id": row["id"]}
        | ({"rung": int(row["rung"])} if "rung" in front else {})
        | {kind: {name: _finite(row[name]) for name in names} for kind, names in figures.items()}
        | {"candidate": knobs_of(row)}
        for _, row in front.iterrows()
    ]
    return json.dumps(rows, indent=2, allow_nan=False) + "\n"


def _finite(value: float) -> float | None:
    """JSON has neither NaN nor infinities."""
    return float(value) if np.isfinite(value) else None
