"""What a column of the trials table is: bookkeeping, a knob, an accuracy, a cost or a timing.

The tables below are the whole knowledge of this package about the rest of the project. A new accuracy or cost gets a
line here; until then it stays in the trials table but is in no front file, and can only be asked for by name.
"""

from __future__ import annotations

import pandas as pd

from results.errors import RunError, unknown_name

LEADING = ("number", "id", "state", "reason")
FLAGS = ("feasible", "front")

# Column -> axis label with its unit. Accuracies are maximised, costs minimised.
METRICS = {
    "map50": "mAP at IoU 0.5 (map50)",
    "map50_11": "VOC 11-point mAP at IoU 0.5 (map50_11)",
    "ap": "AP at IoU 0.5 to 0.95 (ap)",
    "ap50": "AP at IoU 0.5 (ap50)",
    "ap75": "AP at IoU 0.75 (ap75)",
    "ar500": "AR at 500 detections, IoU 0.5 to 0.95 (ar500)",
}
COSTS = {
    "bit_ops": "bit-operations per image (bit_ops)",
    "ops": "operations per image, 64 one-bit MACs as one (ops)",
    "memory_bits": "parameter memory in bits (memory_bits)",
    "memory_mb": "parameter memory in megabytes (memory_mb)",
    "macs_1bit": "1-bit MACs per image (macs_1bit)",
    "macs_8bit": "8-bit MACs per image (macs_8bit)",
    "macs_32bit": "32-bit MACs per image (macs_32bit)",
}

# The axes of a front that names none.
USUAL_X, USUAL_Y = "bit_ops", "map50"


def is_knob(column: str) -> bool:
    """Whether the column is a choice of the candidate: its name is `<kind>/<what>`, as in `layer/backbone.layer1.0`."""
    return "/" in column


def axis_label(column: str) -> str:
    """The text at an axis that shows this column; a column of unknown unit is called by its name."""
    return METRICS.get(column) or COSTS.get(column) or column


def measured(trials: pd.DataFrame) -> list[str]:
    """The columns that can be an axis: every number that is neither bookkeeping nor a knob."""
    kept = [column for column in trials.columns if column not in (*LEADING, *FLAGS) and not is_knob(column)]
    return [column for column in kept if pd.api.types.is_numeric_dtype(trials[column])]


def check_axes(trials: pd.DataFrame, x: str, y: str) -> None:
    """Raise RunError unless x (minimised) and y (maximised) are two measured columns with no known other direction."""
    known = measured(trials)
    for column in (x, y):
        if column not in known:
            raise unknown_name("measured column", column, known)
    if x in METRICS:
        raise RunError(f"x is {x!r}, an accuracy, but x is minimised. Costs: {', '.join(COSTS)}.")
    if y in COSTS:
        raise RunError(f"y is {y!r}, a cost, but y is maximised. Accuracies: {', '.join(METRICS)}.")
    if x == y:
        raise RunError(f"x and y are both {x!r}: a front needs two different columns.")


def is_maximised(column: str) -> bool:
    """Whether more is better. RunError for a column that stands in neither table: a guess would be silently wrong."""
    if column not in METRICS and column not in COSTS:
        raise unknown_name("accuracy or cost", column, (*METRICS, *COSTS))
    return column in METRICS
