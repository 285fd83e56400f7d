"""Training all networks of a plan, seed by seed, after a check of the whole plan; and their differences."""

import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from results.statistics import points_text
from search.comparison.arms import Arm, Plan
from search.comparison.processes import named_in_errors, seed_by_seed


@dataclass(frozen=True)
class Figures:
    """map50 on the test images, of a network and of its real-valued twin where it has one."""

    map50: float
    twin: float | None


FiguresByArm = dict[tuple[str, str], Figures]
"""By comparison and arm, in the plan's order."""


@dataclass(frozen=True)
class Repetition:
    """How a plan is trained: for which seeds, how many of them side by side, with which overrides and data."""

    seeds: Sequence[int]
    workers: int = 1
    overrides: Sequence[str] = field(default=())
    data: str | None = None


def train_plan(plan: Plan, asked: Repetition) -> list[FiguresByArm]:
    """The figures of each seed; overrides of `asked` come before the arms' own.

    Raises ConfigError, before anything is trained, unless all of it can be.
    """
    with TemporaryDirectory() as place:  # made here, so that it goes even when the check's process is stopped
        return seed_by_seed(
            asked.seeds,
            asked.workers,
            partial(_check, plan, asked, Path(place)),
            partial(train_arms, plan, asked.data, asked.overrides),
        )


def train_arms(plan: Plan, data: str | None, overrides: Sequence[str], seed: int) -> FiguresByArm:
    """Train the teachers and arms of one seed one after the other, since arms may share a run folder."""
    from search.config import load_config
    from search.stages.train import run_train

    figures: FiguresByArm = {}
    files: dict[str, Path] = {}

    def train(arm: Arm) -> Path:
        config = load_config(plan.config, [f"seed={seed}", *plan.overrides, *overrides, *arm.with_files(files)])
        folder = Path("runs", f"{arm.folder}_seed{seed}").resolve()
        result = run_train(config, folder, Path(data) if data else None)
        twin = result.twin_test["map50"] if result.twin_test else None
        figures[arm.comparison, arm.name] = Figures(result.test["map50"], twin)
        beside = "" if twin is None else f", twin {twin:.4f}"
        sys.stderr.write(f"seed {seed}, {arm.label}: map50 {result.test['map50']:.4f}{beside}\n")
        return result.checkpoint

    for name, teacher in plan.teachers.items():
        with named_in_errors(f"seed {seed}, {teacher.label}"):
            files[name] = train(teacher)
    for arm in plan.arms:
        with named_in_errors(f"seed {seed}, {arm.label}"):
            train(arm)
    return figures


def comparison_rows(plan: Plan, seeds: Sequence[int], figures: Sequence[FiguresByArm]) -> list[dict[str, object]]:
    """A row for each teacher and arm: map50 by seed, the mean, and points over those that its comparison is `against`.

    Points are the mean of the differences, seed by seed, with its 95 % interval (Student's t). A comparison's twin has
    a row in front, where all its arms have the same one.
    """
    columns = list(dict.fromkeys(name for comparison in plan.comparisons for name in plan.against[comparison]))
    alone: Mapping[str, Sequence[float]] = {}
    rows = []
    for teacher in plan.teachers.values():
        own = [one[teacher.comparison, teacher.name].map50 for one in figures]
        rows.append(_row((teacher.comparison, teacher.name), seeds, own, columns, alone))
    for comparison in plan.comparisons:
        values = {arm.name: [one[comparison, arm.name].map50 for one in figures] for arm in plan.of(comparison)}
        against = {name: values[name] for name in plan.against[comparison]}
        twins = [{one[comparison, name].twin for name in values} for one in figures]
        if all(len(of_seed) == 1 and None not in of_seed for of_seed in twins):
            values = {"(twin)": [next(iter(of_seed)) or 0.0 for of_seed in twins], **values}
        rows += [_row((comparison, name), seeds, own, columns, against) for name, own in values.items()]
    return rows


def _row(
    label: tuple[str, str],
    seeds: Sequence[int],
    own: Sequence[float],
    columns: Sequence[str],
    against: Mapping[str, Sequence[float]],
) -> dict[str, object]:
    """One row of the table; `against` has the figures of the arms that it is compared with, by name."""
    row: dict[str, object] = dict(zip(("comparison", "arm"), label, strict=True))
    row |= {f"seed {seed}": f"{value:.4f}" for seed, value in zip(seeds, own, strict=True)}
    row["mean"] = f"{statistics.mean(own):.4f}"
    for other in columns:
        compared = other in against and other != label[1]
        row[f"- {other}"] = points_text(_less(own, against[other])) if compared else ""
    return row


def _less(own: Sequence[float], other: Sequence[float]) -> list[float]:
    return [a - b for a, b in zip(own, other, strict=True)]


def _check(plan: Plan, asked: Repetition, place: Path) -> None:
    from search.comparison.arms_check import check_plan  # here, in the process of the check, since it imports torch

    check_plan(plan, asked.seeds, asked.overrides, asked.data, place)
