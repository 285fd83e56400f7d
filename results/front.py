"""The Pareto front of a trials table: its flag column, its rows and its knee."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from results.columns import error_column, is_figure, is_knob, model_column
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


def front_flags(trials: pd.DataFrame, x: str, y: str, rung: int | None = None) -> NDArray[np.bool_]:
    """Which trials no other eligible trial of the rung beats at x (lower is better) and y (higher is), bool (N,).

    The rung is the highest by default. Trials with equal x and y are all flagged; a trial without a finite x and y is
    not.
    """
    costs = trials[[x, y]].to_numpy(dtype=np.float64) * [1.0, -1.0]
    compared = eligible(trials) & trials["rung"].eq(top_rung(trials) if rung is None else rung)
    costs[~compared.to_numpy(dtype=np.bool_)] = np.nan
    return pareto_mask(costs)


def front_rows(
    trials: pd.DataFrame, x: str, y: str, ranked: str | None = None, rung: int | None = None
) -> pd.DataFrame:
    """The front as a table sorted by cost: id, x, y, the model's figures of y, other accuracies and costs, the knobs.

    ranked: the column that trials are compared by in place of y. rung: the highest by default; where the trials have
    several, it stands before the knobs. One row for each distinct point (x, ranked): of several trials with the same
    numbers the earliest stands for all.
    """
    axes = (x, ranked or y)
    flagged = trials[front_flags(trials, *axes, rung)]
    distinct = flagged.drop_duplicates(subset=axes, keep="first").sort_values(x)
    figures = [name for name in trials.columns if is_figure(name)]
    first = [x, y, *(name for name in (model_column(y), error_column(y)) if name in figures)]
    rest = [name for name in figures if name not in first]
    of_several = ["rung"] if trials["rung"].nunique() > 1 else []
    knobs = [name for name in trials.columns if is_knob(name)]
    return distinct[["id", *first, *rest, *of_several, *knobs]].reset_index(drop=True)


def knee_id(front: pd.DataFrame, x: str, y: str) -> str:
    """The id of the front's knee (see results.pareto.knee)."""
    return str(front["id"].iloc[knee(front[[x, y]].to_numpy(dtype=np.float64))])
