"""Training all networks of a plan, seed by seed, after a check of the whole plan."""

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from experiments.plan import Arm, Plan
from experiments.seeds import named_in_errors, seed_by_seed


@dataclass(frozen=True)
class Figures:
    """map50 on the test images, of a network and of its real-valued twin where it has one."""

    map50: float
    twin: float | None


FiguresByArm = dict[tuple[str, str], Figures]
"""By comparison and arm, in the plan's order."""


def train_plan(asked: Namespace, plan: Plan, overrides: Sequence[str] = ()) -> list[FiguresByArm]:
    """The figures of each seed of `asked.seeds`; `overrides` come before the arms' own.

    Raises ConfigError, before anything is trained, unless all of it can be.
    """
    with TemporaryDirectory() as place:  # made here, so that it goes even when the check's process is stopped
        return seed_by_seed(
            asked,
            partial(_check, plan, asked.seeds, overrides, asked.data, Path(place)),
            partial(train_arms, plan, asked.data, overrides),
        )


def train_arms(plan: Plan, data: str | None, overrides: Sequence[str], seed: int) -> FiguresByArm:
    """Train the teachers and arms of one seed one after the other, since arms may share a run folder."""
    from search import load_config, run_train

    figures: FiguresByArm = {}
    files: dict[str, Path] = {}

    def train(arm: Arm) -> Path:
        config = load_config(plan.config, [f"seed={seed}", *plan.overrides, *overrides, *arm.with_files(files)])
        folder = Path("runs", f"{arm.folder}_seed{seed}").resolve()
        result = run_train(config, folder, Path(data) if data else None)
        twin = result.twin_test["map50"] if result.twin_test else None
        figures[arm.comparison, arm.name] = Figures(result.test["map50"], twin)
        beside = "" if twin is None else f", twin {twin:.4f}"
        print(f"seed {seed}, {arm.label}: map50 {result.test['map50']:.4f}{beside}", flush=True)
        return result.checkpoint

    for name, teacher in plan.teachers.items():
        with named_in_errors(f"seed {seed}, {teacher.label}"):
            files[name] = train(teacher)
    for arm in plan.arms:
        with named_in_errors(f"seed {seed}, {arm.label}"):
            train(arm)
    return figures


def _check(plan: Plan, seeds: Sequence[int], overrides: Sequence[str], data: str | None, place: Path) -> None:
    from experiments.plan_check import check_plan  # here, in the process of the check, since it imports torch

    check_plan(plan, seeds, overrides, data, place)
