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
TIMES = ("started", "completed")
"""When a trial was proposed and when its score came in, in UTC."""
MODEL, ERROR = "_model", "_model_se"
"""The endings of an accuracy's expectation by the model of all scores, and of the standard error of that."""


def model_column(accuracy: str) -> str:
    """The column of an accuracy's expectation by the model."""
    return accuracy + MODEL


def error_column(accuracy: str) -> str:
    """The column of that expectation's standard error."""
    return accuracy + ERROR


def is_accuracy(column: str) -> bool:
    """Whether the column is a known accuracy, by score or by the model."""
    return column.removesuffix(MODEL) in ACCURACIES


def is_figure(column: str) -> bool:
    """Whether the column belongs into the front files: a known figure, or what the model says of one."""
    return column in FIGURES or is_accuracy(column) or is_error(column)


def is_error(column: str) -> bool:
    """Whether the column is the standard error of an accuracy by the model."""
    return column.endswith(ERROR) and column.removesuffix(ERROR) in ACCURACIES


def is_knob(column: str) -> bool:
    """Whether the column is a choice of the candidate: its name is `<kind>/<what>`, as in `layer/backbone.layer1.0`."""
    return "/" in column


def axis_label(column: str) -> str:
    """The text at an axis that shows this column; a column of unknown unit is called by its name."""
    if column in FIGURES:
        return FIGURES[column].axis
    return f"{ACCURACIES[column.removesuffix(MODEL)].label} by the model ({column})" if is_accuracy(column) else column


def measured(trials: pd.DataFrame) -> list[str]:
    """The columns that can be an axis: every number that is neither bookkeeping nor a knob nor an error."""
    others = [name for name in trials.columns if name not in (*LEADING, *TIMES, *FLAGS) and not is_knob(name)]
    return [name for name in others if pd.api.types.is_numeric_dtype(trials[name]) and not is_error(name)]


def check_axes(trials: pd.DataFrame, x: str, y: str) -> None:
    """Raise RunError unless x (minimised) and y (maximised) are two measured columns with no known other direction."""
    known = measured(trials)
    for column in (x, y):
        if column not in known:
            raise unknown_name("measured column", column, known)
    if is_accuracy(x):
        raise RunError(f"x is {x!r}, an accuracy, but x is minimised. Costs: {', '.join(COSTS)}.")
    if y in COSTS:
        raise RunError(f"y is {y!r}, a cost, but y is maximised. Accuracies: {', '.join(ACCURACIES)}.")
    if x == y:
        raise RunError(f"x and y are both {x!r}: a front needs two different columns.")


def is_maximised(column: str) -> bool:
    """Whether more is better. RunError for a column that is no known figure: a guess would be silently wrong."""
    if column not in FIGURES and not is_accuracy(column):
        raise unknown_name("accuracy or cost", column, FIGURES)
    return is_accuracy(column)
