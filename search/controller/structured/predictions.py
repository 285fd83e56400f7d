"""What the model predicted before the scores came in: its columns in the trials table, and how far off it was."""

from collections.abc import Mapping, Sequence

import numpy as np

PREDICTED = "bitfront:predicted"
"""The attribute under which a record keeps each accuracy's mean and standard deviation by the model, before scoring."""
RECENT, FEWEST = 50, 5
"""How many of the latest predictions the model is judged by, and how few are too few."""
MEAN, SD = "_predicted", "_predicted_sd"
"""What follows the name of an accuracy in the names of the two columns."""


def prediction_columns(predicted: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """The columns of a trial, such as map50_predicted and map50_predicted_sd, from its attribute `PREDICTED`."""
    means = {f"{name}{MEAN}": mean for name, (mean, _) in predicted.items()}
    return means | {f"{name}{SD}": sd for name, (_, sd) in predicted.items()}


def prediction_error(records: Sequence[Mapping[str, object]]) -> float | None:
    """How far off the latest predictions were, as a share of the scores' standard deviation. None for too few.

    It is the root mean square error of the last `RECENT` complete trials that were predicted; of several accuracies it
    is the greatest. 0 is exact, and 1 is what the mean of these scores would give. records: rows of the trials table,
    as mappings, in order of completion (`Controller.records()`).
    """
    complete = [row for row in records if row["state"] == "complete"]
    names = dict.fromkeys(key.removesuffix(MEAN) for row in complete for key in row if key.endswith(MEAN))
    pairs = {name: [(row[name + MEAN], row[name]) for row in complete if name + MEAN in row] for name in names}
    errors = [relative_error(np.array(one, dtype=np.float64)) for one in pairs.values()]
    return max((error for error in errors if error is not None), default=None)


def relative_error(pairs: np.typing.ArrayLike) -> float | None:
    """Likewise of pairs (N, 2) of predictions and scores, the latest last. None where all scores are equal, too."""
    recent = np.asarray(pairs, dtype=np.float64).reshape(-1, 2)[-RECENT:]
    if len(recent) < FEWEST or np.ptp(recent[:, 1]) == 0:
        return None
    return float(np.sqrt(np.square(recent[:, 0] - recent[:, 1]).mean()) / recent[:, 1].std())
