"""What a column of the trials table is: bookkeeping, a knob, a figure or a timing.

A column of numbers that `results.figures` doesn't know stays in the trials table but is in no front file, and can only
be asked for by name.
"""

from __future__ import annotations

import pandas as pd

from results.errors import RunError, unknown_name
from results.figures import ACCURACIES, COSTS, FIGURES

LEADING = ("number", "id", "state", "reason", "rung")
FLAGS = ("feasible", "front")


def is_knob(column: str) -> bool:
    """Whether the column is a choice of the candidate: its name is `<kind>/<what>`, as in `layer/backbone.layer1.0`."""
    return "/" in column


def axis_label(column: str) -> str:
    """The text at an axis that shows this column; a column of unknown unit is called by its name."""
    return FIGURES[column].axis if column in FIGURES else column


def measured(trials: pd.DataFrame) -> list[str]:
    """The columns that can be an axis: every number that is neither bookkeeping nor a knob."""
    others = [column for column in trials.columns if column not in (*LEADING, *FLAGS) and not is_knob(column)]
    return [column for column in others if pd.api.types.is_numeric_dtype(trials[column])]


def check_axes(trials: pd.DataFrame, x: str, y: str) -> None:
    """Raise RunError unless x (minimised) and y (maximised) are two measured columns with no known other direction."""
    known = measured(trials)
    for column in (x, y):
        if column not in known:
            raise unknown_name("measured column", column, known)
    if x in ACCURACIES:
        raise RunError(f"x is {x!r}, an accuracy, but x is minimised. Costs: {', '.join(COSTS)}.")
    if y in COSTS:
        raise RunError(f"y is {y!r}, a cost, but y is maximised. Accuracies: {', '.join(ACCURACIES)}.")
    if x == y:
        raise RunError(f"x and y are both {x!r}: a front needs two different columns.")


def is_maximised(column: str) -> bool:
    """Whether more is better. RunError for a column that is no known figure: a guess would be silently wrong."""
    if column not in FIGURES:
        raise unknown_name("accuracy or cost", column, FIGURES)
    return column in ACCURACIES
