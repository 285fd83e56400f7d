"""What each layer of each candidate costs: the run's table of layers and methods, joined with its trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from results import layout
from results.dictionary import described
from results.errors import RunError
from results.files import write_whole
from results.parquet import read_parquet, to_parquet

COSTS = {"macs": "int64", "bit_ops": "int64", "ops": "float64", "memory_bits": "int64"}
NAMES = ("layer", "choice", "kind", "method")


def write_layer_costs(folder: Path, shares: Sequence[Mapping[str, object]]) -> None:
    """Write what each layer adds with each of its methods, once: a file that is there stays.

    shares: with the keys layer, choice (the knob's column, empty where the layer has no choice), kind, method, macs,
    bit_ops, ops and memory_bits; in the order of the network.
    """
    file = folder / layout.LAYER_COSTS
    if not file.is_file():
        frame = pd.DataFrame([dict(share) for share in shares], columns=[*NAMES, *COSTS])
        write_whole(file, to_parquet(frame.astype(dict.fromkeys(NAMES, "str") | COSTS)))


def layers_frame(folder: Path, trials: pd.DataFrame) -> pd.DataFrame:
    """A row for each candidate, in the order of its first trial, and layer, in the order of the network.

    The costs of a candidate's rows add up to its own. RunError when the run has no table of layers.
    """
    file = folder / layout.LAYER_COSTS
    if not file.is_file():
        raise RunError(
            f"{folder} has no {layout.LAYER_COSTS}: an earlier version made it. "
            f"`bitfront search {folder / layout.CONFIG} --run-dir {folder}` writes it; what was scored stays."
        )
    costs, _ = read_parquet(file)
    costs["place"] = costs.groupby("layer", sort=False).ngroup()
    candidates = trials.drop_duplicates("id").reset_index(drop=True)
    parts = [_of_choice(candidates, str(choice), own) for choice, own in costs.groupby("choice", sort=False)]
    rows = pd.concat(parts, ignore_index=True)
    order = np.lexsort((rows["place"].to_numpy(), rows["candidate"].to_numpy()))
    rows = rows.iloc[order].reset_index(drop=True)
    of_candidate = candidates.loc[rows["candidate"], ["id", "number"]].reset_index(drop=True)
    frame = pd.concat([of_candidate, rows[[*NAMES, *COSTS]]], axis=1)
    frame["choice"] = frame["choice"].replace("", None)
    return described(frame, "layers")


def _of_choice(candidates: pd.DataFrame, choice: str, costs: pd.DataFrame) -> pd.DataFrame:
    """The rows of the layers that one choice decides on; `candidate` is a position in `candidates`."""
    chosen = pd.DataFrame({"candidate": np.arange(len(candidates))})
    if not choice:
        return chosen.merge(costs, how="cross")
    if choice not in candidates:  # no trial yet, or none that has it
        return costs.assign(candidate=0).iloc[:0]
    chosen["method"] = candidates[choice].astype("str")
    return chosen.merge(costs, on="method")
