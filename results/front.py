"""The Pareto front of a trials table: its flag column, its rows and its knee."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from results.columns import error_column, is_figure, is_knob, is_maximised, model_column
from results.pareto import knee, pareto_mask


def eligible(trials: pd.DataFrame) -> pd.Series[bool]:
    """The trials that may be on a front: complete, and within every budget of the search."""
    return trials["state"].eq("complete") & trials["feasible"]


def top_rung(trials: pd.DataFrame) -> int:
    """The highest rung with a trial that may be on a front, whose front is a run's own; 0 where there is none."""
    return int(trials.loc[eligible(trials), "rung"].max()) if eligible(trials).any() else 0


def at_rung(trials: pd.DataFrame, rung: int | None = None) -> pd.DataFrame:
    """The trials of one rung, the highest by default: scores of different rungs are never compared."""
    return trials[trials["rung"].eq(top_rung(trials) if rung is None else rung)]


def points_along(trials: pd.DataFrame, x: str, y: str, z: str | None = None) -> NDArray[np.float64]:
    """The trials' points (N, 2) or (N, 3), lower is better: x as it is, y negated, z by its direction.

    RunError for a z that is no known figure.
    """
    axes = [x, y] if z is None else [x, y, z]
    signs = [1.0, -1.0] if z is None else [1.0, -1.0, -1.0 if is_maximised(z) else 1.0]
    return trials[axes].to_numpy(dtype=np.float64) * signs


def compared_points(
    trials: pd.DataFrame, x: str, y: str, rung: int | None = None, z: str | None = None
) -> NDArray[np.float64]:
    """The same with NaN for trials that are ineligible, or of another rung than this, by default the highest."""
    points = points_along(trials, x, y, z)
    compared = eligible(trials) & trials["rung"].eq(top_rung(trials) if rung is None else rung)
    points[~compared.to_numpy(dtype=np.bool_)] = np.nan
    return points


def front_flags(
    trials: pd.DataFrame, x: str, y: str, rung: int | None = None, z: str | None = None
) -> NDArray[np.bool_]:
    """Which trials no other eligible trial of the rung beats at x (lower is better), y (higher is) and z, bool (N,).

    The rung is the highest by default. Trials with equal numbers are all flagged; a trial without finite ones is not.
    """
    return pareto_mask(compared_points(trials, x, y, rung, z))


def front_rows(
    trials: pd.DataFrame,
    x: str,
    y: str,
    ranked: str | None = None,
    rung: int | None = None,
    z: tuple[str, str] | None = None,
) -> pd.DataFrame:
    """The front as a table sorted by cost: x, y, z, id, the model's figures of y, other accuracies and costs, knobs.

    ranked: the column that trials are compared by in place of y. z: a third axis, and the column in its place. rung:
    the highest by default; where the trials have several, it stands before the knobs. One row for each distinct point:
    of several trials with the same numbers the earliest stands for all.
    """
    third, ranked_third = z or (None, None)
    axes = [x, ranked or y, *([] if ranked_third is None else [ranked_third])]
    flagged = trials[front_flags(trials, x, ranked or y, rung, ranked_third)]
    distinct = flagged.drop_duplicates(subset=axes, keep="first").sort_values(axes)
    figures = [name for name in trials.columns if is_figure(name)]
    shown = [x, y, *([] if third is None else [third])]
    first = [*shown, *(name for name in (model_column(y), error_column(y)) if name in figures and name not in shown)]
    rest = [name for name in figures if name not in first]
    of_several = ["rung"] if trials["rung"].nunique() > 1 else []
    knobs = [name for name in trials.columns if is_knob(name)]
    columns = [*shown, "id", *first[len(shown) :], *rest, *of_several, *knobs]
    return distinct[columns].reset_index(drop=True)


def knee_id(front: pd.DataFrame, x: str, y: str) -> str:
    """The id of the front's knee (see results.pareto.knee)."""
    return str(front["id"].iloc[knee(front[[x, y]].to_numpy(dtype=np.float64))])
