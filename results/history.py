"""How the hypervolume of a run's front grew, evaluation by evaluation and second by second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from results.columns import is_maximised
from results.dictionary import described
from results.errors import RunError
from results.front import eligible
from results.growing_front import GrowingFront

REFERENCE = "reference"
"""The key in `attrs` of the reference point."""


def usual_reference(compared: Sequence[pd.DataFrame], x: str, y: str) -> dict[str, float]:
    """The reference point where none is given: the highest cost x of the eligible trials of all runs, an accuracy of 0.

    It depends on no front, so that a run that found a better one is not judged by another point.
    """
    return {x: max(float(trials[x].max()) for trials in compared), y: 0.0}


def history_frame(
    trials: pd.DataFrame, rung: int, reference: Mapping[str, float], ranked: Sequence[str]
) -> pd.DataFrame:
    """A row for each score of the rung, in the order of completion.

    reference: two or three columns with their worst values. ranked: the columns that are compared in their place. A
    trial that failed, is over a budget or lacks a figure adds nothing. RunError for a reference of another size, or one
    that is not finite.
    """
    if len(reference) not in (2, 3) or not np.isfinite(list(reference.values())).all():
        raise RunError(f"The reference is {dict(reference)}; it must have two or three columns, with finite numbers.")
    signs = np.array([-1.0 if is_maximised(name) else 1.0 for name in reference])
    rows = np.flatnonzero(trials["rung"].eq(rung))
    points = trials[list(ranked)].to_numpy(dtype=np.float64)[rows] * signs
    counted = eligible(trials).to_numpy(dtype=np.bool_)[rows] & np.isfinite(points).all(axis=1)
    volumes, sizes = _growth(points, counted, np.array(list(reference.values())) * signs)
    of_rung = trials.iloc[rows]
    measured = list(dict.fromkeys([*reference, *ranked]))
    frame = pd.DataFrame(
        {"evaluation": rows + 1, "number": of_rung["number"].to_numpy(), "id": of_rung["id"].to_numpy()}
    ).astype({"evaluation": "int64"})
    if "completed" in trials.columns:
        frame["completed"] = of_rung["completed"].array
        frame["seconds"] = (of_rung["completed"] - trials["started"].min()).dt.total_seconds().to_numpy()
    frame[measured] = of_rung[measured].to_numpy(dtype=np.float64)
    frame["hypervolume"], frame["front_size"] = volumes, sizes
    frame.attrs[REFERENCE] = {name: float(value) for name, value in reference.items()}
    return described(frame, "history")


def _growth(
    points: NDArray[np.float64], counted: NDArray[np.bool_], corner: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The volume and the size of the front after each point (N, D); those that don't count add nothing."""
    front = GrowingFront(corner=corner.tolist())
    volumes, sizes = np.zeros(len(points)), np.zeros(len(points), dtype=np.int64)
    for index, (point, counts) in enumerate(zip(points.tolist(), counted, strict=True)):
        if counts:
            front.add(point)
        volumes[index], sizes[index] = front.volume, front.size
    return volumes, sizes
