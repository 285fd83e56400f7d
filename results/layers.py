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
TIME = "latency_ms"
"""The column of runs that have times of layers."""
BETWEEN = {"layer": "between layers", "choice": "", "kind": "between", "method": ""}
"""The row of what a candidate's time is besides its layers' times."""


def shares_frame(shares: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    """What each layer adds with each of its methods.

    shares: with the keys layer, choice (the knob's column, empty where the layer has no choice), kind, method, macs,
    bit_ops, ops, memory_bits and, if the times are known, latency_ms; in the order of the network.
    """
    costs = COSTS | ({TIME: "float64"} if any(share.get(TIME) is not None for share in shares) else {})
    frame = pd.DataFrame([dict(share) for share in shares], columns=[*NAMES, *costs])
    return frame.astype(dict.fromkeys(NAMES, "str") | costs)


def write_layer_costs(folder: Path, shares: Sequence[Mapping[str, object]]) -> None:
    """Write `shares_frame` of a run, once: a file that is there stays, unless it has no times or others."""
    file, frame = folder / layout.LAYER_COSTS, shares_frame(shares)
    if not file.is_file() or (TIME in frame and not _has_times_of(file, frame)):
        write_whole(file, to_parquet(frame))


def _has_times_of(file: Path, frame: pd.DataFrame) -> bool:
    kept, _ = read_parquet(file)
    return TIME in kept and kept[TIME].equals(frame[TIME])


def layers_frame(folder: Path, trials: pd.DataFrame, shares: pd.DataFrame | None = None) -> pd.DataFrame:
    """A row for each candidate, in the order of its first trial, and layer, in the order of the network.

    The costs of a candidate's rows add up to its own: where there are times, its last row is `BETWEEN`. shares: in
    place of those that the run kept. RunError when the run has no table of layers.
    """
    costs = _kept(folder) if shares is None else shares.copy()
    costs["place"] = costs.groupby("layer", sort=False).ngroup()
    candidates = trials.drop_duplicates("id").reset_index(drop=True)
    parts = [_of_choice(candidates, str(choice), own) for choice, own in costs.groupby("choice", sort=False)]
    if TIME in costs and TIME in trials:
        parts.append(_between(candidates, trials, pd.concat(parts, ignore_index=True)))
    rows = pd.concat(parts, ignore_index=True)
    order = np.lexsort((rows["place"].to_numpy(), rows["candidate"].to_numpy()))
    rows = rows.iloc[order].reset_index(drop=True)
    of_candidate = candidates.loc[rows["candidate"], ["id", "number"]].reset_index(drop=True)
    shown = [*NAMES, *COSTS, *([TIME] if TIME in costs else [])]
    frame = pd.concat([of_candidate, rows[shown]], axis=1)
    frame["choice"] = frame["choice"].replace("", None)
    return described(frame, "layers")


def _kept(folder: Path) -> pd.DataFrame:
    file = folder / layout.LAYER_COSTS
    if not file.is_file():
        raise RunError(
            f"{folder} has no {layout.LAYER_COSTS}: an earlier version made it. "
            f"`bitfront search {folder / layout.CONFIG} --run-dir {folder}` writes it; what was scored stays."
        )
    costs, _ = read_parquet(file)
    return costs


def _between(candidates: pd.DataFrame, trials: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """A row for each candidate: what its time is beyond the sum over its layers."""
    whole = candidates["id"].map(trials.groupby("id")[TIME].first())
    layers = rows.groupby("candidate")[TIME].sum().reindex(candidates.index, fill_value=0.0)
    columns = BETWEEN | dict.fromkeys(COSTS, 0) | {TIME: whole - layers, "place": len(rows)}
    return pd.DataFrame(columns | {"candidate": np.arange(len(candidates))})


def _of_choice(candidates: pd.DataFrame, choice: str, costs: pd.DataFrame) -> pd.DataFrame:
    """The rows of the layers that one choice decides on; `candidate` is a position in `candidates`."""
    chosen = pd.DataFrame({"candidate": np.arange(len(candidates))})
    if not choice:
        return chosen.merge(costs, how="cross")
    if choice not in candidates:  # no trial yet, or none that has it
        return costs.assign(candidate=0).iloc[:0]
    chosen["method"] = candidates[choice].astype("str")
    return chosen.merge(costs, on="method")
