"""Several runs' fronts side by side: hypervolumes under one reference point, and who dominates whom."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from results import layout
from results.dictionary import described
from results.errors import RunError
from results.front import at_rung, eligible
from results.history import usual_reference
from results.opening import open_run
from results.run import Run

Named = Mapping[str, Run]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Fronts of several runs over the cost x and the accuracy y.

    reference: the point of all hypervolumes. runs: a row for each run, in the order in which they were given: run,
    path, state, evaluations, rung, front_size, hypervolume. dominance: a row for each ordered pair: front, by,
    dominated, covered. fronts: the members of all, with the run's name. notes: what limits the comparison.
    """

    x: str
    y: str
    reference: Mapping[str, float]
    runs: pd.DataFrame
    dominance: pd.DataFrame
    fronts: pd.DataFrame
    notes: tuple[str, ...]

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Write a picture of the fronts; `path` ends in .png, .svg or .pdf."""
        from results.comparison_plot import plot_comparison  # here, since matplotlib is slow to import

        plot_comparison(self.fronts, path, self.x, self.y)


def compare(
    runs: Sequence[Run | str | os.PathLike[str]],
    x: str | None = None,
    y: str | None = None,
    *,
    names: Sequence[str] | None = None,
    reference: Mapping[str, float] | None = None,
    other_data: bool = False,
) -> Comparison:
    """Compare the fronts of two or more runs, opened or by their folders, each at its own rung.

    x, y: the runs' own unless given. names: by default those of the folders. reference: the worst x and y that still
    count; by default the highest cost of any complete, feasible trial of the runs, and an accuracy of 0, so that it
    depends on no front. other_data: compare runs on different data all the same, and say so in the notes.
    RunError for runs over different axes, or on different data, and for names that aren't as many as the runs or
    stand twice.
    """
    named = _named([run if isinstance(run, Run) else open_run(run) for run in runs], names)
    x, y = _common_axes(named, x, y)
    notes = [*_data_notes(named, other_data), *_state_notes(named)]
    fronts = {name: run.front(x, y) for name, run in named.items()}
    if reference is None:
        compared = [at_rung(run.trials, run.rung) for run in named.values()]
        reference = usual_reference([trials[eligible(trials)] for trials in compared], x, y)
    rows = [_row(name, run, len(fronts[name]), reference) for name, run in named.items()]
    members = [front.assign(run=name)[["run", *front.columns]] for name, front in fronts.items()]
    return Comparison(
        x,
        y,
        dict(reference),
        described(pd.DataFrame(rows), "compared"),
        described(_dominance(fronts, x, y), "dominance"),
        described(pd.concat(members, ignore_index=True), "fronts"),
        tuple(notes),
    )


def coverage(front: NDArray[np.float64], other: NDArray[np.float64]) -> tuple[float, float]:
    """The shares of a front's points (N, D) that points of the other (M, D) dominate, and dominate or equal.

    Lower is better. The second is the C-metric C(other, front) of Zitzler and Thiele (IEEE TEC 3(4), 1999).
    """
    no_worse = np.logical_and.reduce(other[None] <= front[:, None], axis=2)
    better = np.logical_or.reduce(other[None] < front[:, None], axis=2)
    dominated, covered = (np.logical_or.reduce(one, axis=1) for one in (no_worse & better, no_worse))
    return float(dominated.mean()), float(covered.mean())


def _named(runs: Sequence[Run], names: Sequence[str] | None) -> dict[str, Run]:
    if len(runs) < 2:
        raise RunError(f"compare() was given {len(runs)} run{'' if len(runs) == 1 else 's'}; it needs two or more.")
    if names is not None and len(names) != len(runs):
        raise RunError(f"compare() was given {len(names)} names for {len(runs)} runs; give one for each.")
    short = [Path(run.path).resolve().name for run in runs]
    usual = short if len(set(short)) == len(short) else [str(run.path) for run in runs]
    chosen = usual if names is None else list(names)
    twice = [name for name, count in Counter(chosen).items() if count > 1]
    if twice:
        raise RunError(f"Several runs are called {', '.join(twice)}. Give names=[...], one for each run.")
    return dict(zip(chosen, runs, strict=True))


def _common_axes(named: Named, x: str | None, y: str | None) -> tuple[str, str]:
    """The axes that were given, or that all runs have. RunError where they have different ones."""
    found = []
    for axis, given in (("x", x), ("y", y)):
        own = {name: str(getattr(run, axis)) for name, run in named.items()}
        if given is None and len(set(own.values())) > 1:
            listed = ", ".join(f"{value} in {name}" for name, value in own.items())
            raise RunError(f"The runs are over different axes: {axis} is {listed}. Give the {axis} to use.")
        found.append(given or next(iter(own.values())))
    return found[0], found[1]


def _data_notes(named: Named, other_data: bool) -> list[str]:
    """What to say of the runs' data. RunError where it differs, unless that is asked for."""
    digests = {name: _digest(run.path) for name, run in named.items()}
    unknown = [name for name, one in digests.items() if not one]
    notes = [f"{name} has no {layout.DATA_DIGEST}, so that it may be on other data." for name in unknown]
    first, known = next(((name, one) for name, one in digests.items() if one), ("", {}))
    different = [name for name, one in digests.items() if one and one != known]
    if different and not other_data:
        raise RunError(
            f"{', '.join(different)} and {first} are on different data ({layout.DATA_DIGEST}), so that their scores "
            "aren't comparable. Leave out one of them, or give compare(..., other_data=True)."
        )
    return [*notes, *(f"{name} is on other data than {first}." for name in different)]


def _digest(folder: Path) -> dict[str, object]:
    """The digests of a run's data by set; empty where it has none that can be read."""
    try:
        content = json.loads((folder / layout.DATA_DIGEST).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _state_notes(named: Named) -> list[str]:
    notes = [
        f"{name} is {run.state}: {run.finished} of {run.planned} trials."
        for name, run in named.items()
        if run.state != "finished"
    ]
    if len({run.rung for run in named.values()}) > 1:
        rungs = ", ".join(f"{run.rung} of {name}" for name, run in named.items())
        notes.append(f"The fronts are at different rungs ({rungs}), whose scores aren't comparable.")
    return notes


def _row(name: str, run: Run, size: int, reference: Mapping[str, float]) -> dict[str, object]:
    return {
        "run": name,
        "path": str(run.path),
        "state": run.state,
        "evaluations": int(run.trials["rung"].eq(run.rung).sum()),
        "rung": run.rung,
        "front_size": size,
        "hypervolume": run.hypervolume(reference),
    }


def _dominance(fronts: Mapping[str, pd.DataFrame], x: str, y: str) -> pd.DataFrame:
    points = {name: front[[x, y]].to_numpy(dtype=np.float64) * [1.0, -1.0] for name, front in fronts.items()}
    pairs = [(front, by) for front in fronts for by in fronts if front != by]
    rows = [(front, by, *coverage(points[front], points[by])) for front, by in pairs]
    return pd.DataFrame(rows, columns=["front", "by", "dominated", "covered"])
