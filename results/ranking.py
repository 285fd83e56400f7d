"""By what trials are compared on the axis of an accuracy: by their scores, or by the model of all scores."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

import pandas as pd

from results import layout
from results.columns import model_column
from results.errors import RunError

Ranking = Literal["score", "model"]


def ranked_by(trials: pd.DataFrame, folder: Path, accuracy: str, by: str) -> str:
    """The column by which the trials of one rung are compared.

    RunError for another `by`, and where these trials have no model of the accuracy.
    """
    if by not in get_args(Ranking):
        raise RunError(f"by is {by!r}; allowed are {' and '.join(get_args(Ranking))}.")
    if by == "score":
        return accuracy
    column = model_column(accuracy)
    if column not in trials.columns:
        modelled = [name for name in trials.columns if model_column(name) in trials.columns]
        known = f"The search optimised {', '.join(modelled)}." if modelled else layout.made_from_journal(folder)
        raise RunError(f"The trials in {folder} have no column {column}. {known}")
    if trials[column].isna().all():
        complete, rung = int(trials["state"].eq("complete").sum()), int(trials["rung"].max())
        at, lower = (f" at rung {rung}", ", take a lower rung") if rung else ("", "")
        raise RunError(
            f"{folder} has {complete} complete trials{at}, too few for a model of {accuracy}. "
            f"Let the search run for more (search.trials){lower}, or compare by score."
        )
    return column
