"""A run given the time of each candidate, from a table of times that it wasn't searched with."""

import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd

import results
from results.dictionary import described
from results.frame import knobs_of
from results.front import front_flags
from results.layers import shares_frame
from search.errors import RunError
from search.plan.detectors import student_spec
from search.plan.latency import read_table
from search.plan.sources import class_names, settled
from search.plan.space import build_space, layer_choices
from search.run.folder import read_run_folder
from spaces.candidate import Candidate
from spaces.cost_table import CostTable
from spaces.latency import FIGURE


def with_latency(run: results.Run | str | os.PathLike[str], table: str | os.PathLike[str]) -> results.Run:
    """The run with `latency_ms` of each complete trial, in place of its own if it has any; its files stay as they are.

    run: opened, or its folder. table: a file of `bitfront latency`. Raises RunError, or ConfigError for a file that is
    no such table; RunError also for one that is of another detector or lacks a method.
    """
    opened = run if isinstance(run, results.Run) else results.open_run(run)
    costs = _costs(opened.path, Path(table))
    trials = opened.trials
    complete = trials[trials["state"].eq("complete")]
    by_id = {row["id"]: _time(costs, row) for _, row in complete.drop_duplicates("id").iterrows()}
    times = trials["id"].map(by_id).where(trials["state"].eq("complete")).astype("float64")
    trials = trials.assign(**{FIGURE: times})
    if FIGURE in (opened.x, opened.y):
        trials["front"] = front_flags(trials, opened.x, opened.y)
    shares: list[Mapping[str, object]] = [asdict(share) for share in costs.shares()]
    return replace(opened, trials=described(trials, "trials"), shares=shares_frame(shares))


def _costs(folder: Path, file: Path) -> CostTable:
    """The costs of the run's space, with the times of the file."""
    table = read_table(file, "The table of times")
    _, config = read_run_folder(folder)
    config = settled(config, None, data_needed=False)
    spec = student_spec(config.student, config.data, len(class_names(config.data)))
    try:
        return CostTable.of(spec, build_space(layer_choices(config.space, spec), {}), table)
    except ValueError as error:
        raise RunError(f"{file} doesn't fit {folder}: {error}") from error


def _time(costs: CostTable, row: pd.Series) -> float:
    return costs.costs(Candidate(knobs_of(row)))[FIGURE]
