"""The fidelity of a run's scores: what `bitfront fidelity` wrote into its folder, and reading it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from results import layout
from results.dictionary import described
from results.errors import RunError
from results.files import write_whole
from results.parquet import read_parquet, to_parquet


@dataclass(frozen=True, eq=False)
class Fidelity:
    """Scores against trained networks.

    candidates: a row for each, by cost: id; role (front, behind, variant: the layers of another one); layers, a number
    for each choice of layers; the costs; score_rung_<r> and model_rung_<r>, by rung; score_seeds and score_seeds_sd,
    mean and standard deviation over adaptation seeds at the highest rung; trained and trained_sd over the training
    seeds, trained_seed_<s>; the knobs.
    agreement: a row for each measure, as `results.agreement.agreement` makes it.
    settings: what was asked for, with x, the cost, and y, the accuracy.
    """

    candidates: pd.DataFrame
    agreement: pd.DataFrame
    settings: Mapping[str, Any]

    def __post_init__(self) -> None:
        described(self.candidates, "fidelity")
        described(self.agreement, "agreement")

    @property
    def score_sd(self) -> float:
        """The standard deviation of a score over adaptation seeds, as root mean square over candidates; NaN without."""
        spread = self.candidates["score_seeds_sd"].dropna()
        return float((spread**2).mean() ** 0.5) if len(spread) else math.nan

    @property
    def trained_sd(self) -> float:
        """The same of the trained figures over training seeds."""
        spread = self.candidates["trained_sd"].dropna()
        return float((spread**2).mean() ** 0.5) if len(spread) else math.nan


def write_fidelity(folder: Path, fidelity: Fidelity) -> None:
    """Write `fidelity.parquet`, then `fidelity.json`, each whole or not at all."""
    rows = [{name: _finite(value) for name, value in row.items()} for row in fidelity.agreement.to_dict("records")]
    content = {
        "settings": dict(fidelity.settings),
        "score_sd": _finite(fidelity.score_sd),
        "trained_sd": _finite(fidelity.trained_sd),
        "agreement": rows,
    }
    write_whole(folder / f"{layout.FIDELITY}.parquet", to_parquet(fidelity.candidates))
    write_whole(folder / f"{layout.FIDELITY}.json", (json.dumps(content, indent=2, allow_nan=False) + "\n").encode())


def read_fidelity(folder: Path) -> Fidelity:
    """What was written there. RunError when the run has none, or a file that can't be read."""
    file = folder / f"{layout.FIDELITY}.json"
    if not file.is_file():
        raise RunError(f"{folder} has no {file.name}. Make it with: bitfront fidelity {folder}")
    try:
        content = json.loads(file.read_text("utf-8"))
        frame = pd.DataFrame(content["agreement"])
        settings = content["settings"]
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(f"{file} can't be read ({error}). Make it again with: bitfront fidelity {folder}") from error
    numbers = [name for name in frame.columns if name != "measure"]
    candidates, _ = read_parquet(folder / f"{layout.FIDELITY}.parquet")
    return Fidelity(candidates, frame.astype(dict.fromkeys(numbers, "float64")), settings)


def _finite(value: Any) -> Any:
    """JSON has neither NaN nor infinities."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
