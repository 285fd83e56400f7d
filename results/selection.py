"""Which trials of a run are compared, and by what: rung, budgets, a condition of the user's, the axes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from results.columns import is_maximised, measured
from results.errors import RunError, unknown_name
from results.front import at_rung, eligible

Where = str | Sequence[bool] | NDArray[np.bool_] | pd.Series
"""A condition on trials: a query of pandas, or a mask with a value for each row of `trials`."""

QUERY_ERRORS = (NameError, SyntaxError, TypeError, ValueError, KeyError, AttributeError, NotImplementedError)
"""What pandas raises for a query that it can't evaluate."""


def where_mask(trials: pd.DataFrame, where: Where | None) -> NDArray[np.bool_]:
    """Which trials fulfil the condition, bool (N,); all without one. A missing value fulfils nothing.

    RunError for a query that pandas can't evaluate, and for what is no truth value for each trial.
    """
    if where is None:
        return np.ones(len(trials), dtype=np.bool_)
    asked = f"where is {where!r}" if isinstance(where, str) else "where is a mask"
    try:
        found = trials.eval(where) if isinstance(where, str) else where
    except QUERY_ERRORS as error:
        raise RunError(
            f"{asked}, which pandas can't evaluate: {error}. A name with a slash or a dot stands between backticks, "
            "as in `layer/stem` == 'int8'."
        ) from error
    mask = found if isinstance(found, pd.Series) else pd.Series(np.atleast_1d(np.asarray(found)))
    if len(mask) != len(trials):
        raise RunError(f"{asked} with {len(mask)} values, but there are {len(trials)} trials; give one for each.")
    if not pd.api.types.is_bool_dtype(mask):
        raise RunError(f"{asked} of {mask.dtype}; it must be true or false for each trial, as in map50 > 0.4.")
    return mask.fillna(False).to_numpy(dtype=np.bool_)


def check_compared(run: Path, trials: pd.DataFrame, rung: int | None = None) -> None:
    """Raise RunError where no trial of the rung may be on a front. trials: those of all rungs."""
    if rung is not None and not trials["rung"].eq(rung).any():
        raise unknown_name("rung", str(rung), [str(one) for one in sorted(trials["rung"].unique())])
    compared = at_rung(trials, rung)
    complete = int(compared["state"].eq("complete").sum())
    if not complete:
        why = f"all {len(compared)} so far failed" if len(compared) else "nothing has been scored yet"
        raise RunError(
            f"{run} has no complete trial: {why}. The column 'reason' of failed trials says why they did; "
            "run `bitfront search` with more trials once that is mended."
        )
    if not eligible(compared).any():
        raise RunError(
            f"None of the {complete} complete trials in {run} is within the budgets of the search. "
            "Loosen search.constraints, or let it run for more trials."
        )


def check_third_axis(trials: pd.DataFrame, x: str, y: str, z: str | None) -> None:
    """Raise RunError unless z is None or a measured column of known direction that is no axis yet."""
    if z is None:
        return
    if z not in measured(trials):
        raise unknown_name("measured column", z, measured(trials))
    is_maximised(z)
    if z in (x, y):
        raise RunError(f"z is {z!r}, which is an axis already: a front of three needs three different columns.")
