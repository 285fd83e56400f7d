"""What a run answers about its fronts, by axes, rung and condition; `results.run.Run` has the same as methods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from results.columns import check_axes, is_accuracy, is_maximised, measured
from results.dictionary import described
from results.errors import RunError, unknown_name
from results.front import at_rung, compared_points, eligible, front_rows
from results.history import history_frame, usual_reference
from results.nearest import nearest_row
from results.pareto import pareto_ranks
from results.ranking import Ranking, ranked_by
from results.selection import Where, check_compared, check_third_axis, where_mask
from results.volume import hypervolume

if TYPE_CHECKING:
    from results.run import Run


@dataclass(frozen=True)
class Axes:
    """The columns that a front is over; z where it has three."""

    x: str
    y: str
    z: str | None = None


def front_of(run: Run, axes: Axes, by: Ranking, rung: int | None, where: Where | None) -> pd.DataFrame:
    """See `Run.front`."""
    trials, rung = _compared(run, axes, rung, where), _rung(run, rung)
    x, y, z = axes.x, axes.y, axes.z
    third = None if z is None else (z, ranked(run, z, by, rung) if is_accuracy(z) else z)
    rows = front_rows(trials, x, y, ranked(run, y, by, rung), rung, third)
    if rows.empty:
        names = f"both {x} and {y}" if z is None else f"{x}, {y} and {z}"
        raise RunError(f"No trial in {run.path} has {names}. Choose columns that the trials have.")
    return described(rows, "front")


def ranks_of(run: Run, axes: Axes, rung: int | None, where: Where | None) -> pd.Series:
    """See `Run.ranks`."""
    trials = _compared(run, axes, rung, where)
    points = compared_points(trials, axes.x, axes.y, _rung(run, rung), axes.z)
    has_rank = np.isfinite(points).all(axis=1)
    ranks = pd.Series(pd.NA, index=trials.index, dtype="Int64", name="rank")
    ranks.iloc[np.flatnonzero(has_rank)] = pareto_ranks(points[has_rank])
    return ranks.reindex(run.trials.index)


def nearest_of(run: Run, among: str, rung: int | None, costs: Mapping[str, float]) -> pd.Series:
    """See `Run.nearest`."""
    if among not in ("front", "trials"):
        raise RunError(f"among is {among!r}; allowed are front and trials.")
    if among == "front":
        return nearest_row(run.front(rung=rung), costs)
    check_compared(run.path, run.trials, rung)
    compared = at_rung(run.trials, _rung(run, rung))
    return nearest_row(compared[eligible(compared)], costs)


def history_of(run: Run, reference: Mapping[str, float] | None, by: Ranking, rung: int | None) -> pd.DataFrame:
    """See `Run.history`."""
    check_compared(run.path, run.trials, rung)
    rung = _rung(run, rung)
    compared = at_rung(run.trials, rung)
    reference = usual_reference([compared[eligible(compared)]], run.x, run.y) if reference is None else reference
    return history_frame(run.trials, rung, reference, _measures(run, reference, by, rung))


def hypervolume_of(run: Run, reference: Mapping[str, float], by: Ranking, rung: int | None) -> float:
    """See `Run.hypervolume`."""
    columns = _measures(run, reference, by, rung)
    check_compared(run.path, run.trials, rung)
    signs = np.array([-1.0 if is_maximised(column) else 1.0 for column in columns])
    compared = at_rung(run.trials, rung)
    points = compared.loc[eligible(compared), columns].to_numpy(dtype=np.float64) * signs
    worst = np.array(list(reference.values()), dtype=np.float64) * signs
    try:
        return hypervolume(points[np.isfinite(points).all(axis=1)], worst)
    except ValueError as error:
        raise RunError(f"No hypervolume for the reference {dict(reference)}: {error}") from error


def ranked(run: Run, accuracy: str, by: Ranking, rung: int | None) -> str:
    """The column by which the trials of a rung are compared on an accuracy's axis."""
    return accuracy if by == "score" else ranked_by(at_rung(run.trials, rung), run.path, accuracy, by)


def _rung(run: Run, rung: int | None) -> int:
    return run.rung if rung is None else rung


def _measures(run: Run, reference: Mapping[str, float], by: Ranking, rung: int | None) -> list[str]:
    """The columns to compare by. RunError for one that the trials don't have, or whose direction isn't known."""
    for column in reference:
        if column not in measured(run.trials):
            raise unknown_name("measured column", column, measured(run.trials))
    return [ranked(run, one, by, rung) if is_maximised(one) else one for one in reference]


def _compared(run: Run, axes: Axes, rung: int | None, where: Where | None) -> pd.DataFrame:
    """The trials, of all rungs, that fulfil the condition. RunError for axes that are none, and where none is left."""
    check_axes(run.trials, axes.x, axes.y)
    check_third_axis(run.trials, axes.x, axes.y, axes.z)
    check_compared(run.path, run.trials, rung)
    if where is None:
        return run.trials
    trials = run.trials[where_mask(run.trials, where)]
    if not (eligible(trials) & trials["rung"].eq(_rung(run, rung))).any():
        raise RunError(f"No complete, feasible trial in {run.path} fulfils where. Loosen the condition.")
    return trials
