"""The row whose costs are nearest to given ones."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from results.errors import RunError, unknown_name
from results.figures import COSTS


def nearest_row(rows: pd.DataFrame, costs: Mapping[str, float]) -> pd.Series:
    """The row with the least distance on a log scale: of several costs the root of the sum of squares.

    Of equally near ones the first. RunError for a column that is no cost of the rows, a cost that isn't above 0 and
    finite, and where no row has them all above 0.
    """
    if not costs:
        raise RunError("nearest() needs a cost, as in run.nearest(bit_ops=2e9).")
    known = [name for name in COSTS if name in rows.columns]
    for name, value in costs.items():
        if name not in known:
            raise unknown_name("cost", name, known)
        if not 0 < value < np.inf:
            raise RunError(f"{name} is {value}; a cost on a log scale must be above 0 and finite.")
    measured = rows[list(costs)].to_numpy(dtype=np.float64)
    usable = (np.isfinite(measured) & (measured > 0)).all(axis=1)
    if not usable.any():
        raise RunError(f"No candidate has {' and '.join(costs)} above 0. Choose another cost.")
    steps = np.log(np.where(usable[:, None], measured, 1.0) / np.array(list(costs.values())))
    distances = np.where(usable, np.sqrt((steps**2).sum(axis=1)), np.inf)
    return rows.iloc[int(np.argmin(distances))]
