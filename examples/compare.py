"""Train networks that differ in one thing, seed by seed, and compare them in pairs.

    python examples/compare.py examples/gains_shapes.yaml --seeds 0 1 2 --processes 2

The plan, a YAML file, has a `config`, what is overridden in it (`set`), and `comparisons`: each with overrides of its
own and `arms`, which add theirs. All arms of a comparison share seed, images, order of images and a run folder with the
teachers that are trained there (of the comparison's name, or its `folder`: two may share one). The first arm is what
the others are compared with. The plan's `teachers` are trained first, once a seed; `{name}` in an override is the file
of one. The table gives map50 on the test images for each seed, and the difference from the first arm as the mean over
seeds with its 95 % interval (Student's t of the paired differences). Stopped and started again it goes on; what is
finished is read from the runs.
"""

import argparse
import os
import statistics
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from paired import STUDENT_T, interval


@dataclass(frozen=True)
class Plan:
    """What is trained: `teachers` and the arms of each comparison are lists of overrides, KEY=VALUE."""

    config: str
    overrides: tuple[str, ...]
    teachers: Mapping[str, Sequence[str]]
    comparisons: Mapping[str, Mapping[str, Any]]

    @classmethod
    def read(cls, path: Path) -> "Plan":
        plan = yaml.safe_load(path.read_text())
        return cls(plan["config"], tuple(plan.get("set", ())), plan.get("teachers", {}), plan["comparisons"])

    def of(self, names: Sequence[str]) -> "Plan":
        """The plan with these comparisons alone, and the teachers that they name."""
        kept = {name: self.comparisons[name] for name in names}
        named = {name: them for name, them in self.teachers.items() if f"{{{name}}}" in str(kept)}
        return Plan(self.config, self.overrides, named, kept)


def trained(config: str, name: str, overrides: list[str], data: str | None) -> tuple[float, Path]:
    """map50 of one network on the test images, and its file. The name is that of its run folder."""
    from search.config import load_config
    from search.train_stage import run_train
    from trainers.progress import SilentProgress

    loaded = load_config(config, overrides)
    result = run_train(loaded, Path("runs", name).resolve(), Path(data) if data else None, SilentProgress())
    return result.test["map50"], result.checkpoint


def all_of_a_seed(plan: Plan, seed: int, data: str | None, overrides: list[str]) -> dict[tuple[str, str], float]:
    """map50 by comparison and arm; one after the other, since the arms of a comparison share a run folder."""
    base = [f"seed={seed}", *plan.overrides, *overrides]
    found: dict[tuple[str, str], float] = {}
    files: dict[str, Path] = {}

    def placed(override: str) -> str:
        for teacher, file in files.items():
            override = override.replace(f"{{{teacher}}}", str(file))
        return override

    def one(name: str, arm: str, own: Sequence[str], folder: str) -> Path:
        found[name, arm], file = trained(plan.config, f"{folder}_seed{seed}", [*base, *map(placed, own)], data)
        print(f"seed {seed}, {name}, {arm}: map50 {found[name, arm]:.4f}", flush=True)
        return file

    for teacher, own in plan.teachers.items():
        files[teacher] = one(f"teacher {teacher}", "trained", own, f"teacher_{teacher}")
    for name, comparison in plan.comparisons.items():
        for arm, own in comparison["arms"].items():
            one(name, arm, [*comparison.get("set", ()), *own], comparison.get("folder", name))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plan", type=Path)
    parser.add_argument("--only", nargs="+", metavar="COMPARISON", help="these alone")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--processes", type=int, default=1, help="seeds that are trained side by side")
    parser.add_argument("--data", help="the folder that holds VOCdevkit, for VOC data")
    parser.add_argument("--set", nargs="*", default=[], dest="overrides", metavar="KEY=VALUE")
    asked = parser.parse_args()
    plan = Plan.read(asked.plan)
    for name in set(asked.only or ()) - set(plan.comparisons):
        parser.error(f"--only: {name!r} is not in the plan; it has {', '.join(plan.comparisons)}.")
    if len(asked.seeds) > max(STUDENT_T):
        parser.error(f"--seeds: {len(asked.seeds)} seeds were given; up to {max(STUDENT_T)} are allowed.")
    plan = plan.of(asked.only or list(plan.comparisons))
    os.environ.setdefault("OMP_NUM_THREADS", "1" if asked.processes > 1 else str(os.cpu_count()))
    with ProcessPoolExecutor(asked.processes) as pool:
        jobs = [pool.submit(all_of_a_seed, plan, seed, asked.data, asked.overrides) for seed in asked.seeds]
        found = [job.result() for job in jobs]
    print("\n| comparison | arm | " + " | ".join(f"seed {seed}" for seed in asked.seeds) + " | mean | points |")
    print("| --- " * (len(asked.seeds) + 4) + "|")
    first: dict[str, str] = {}
    for name, arm in found[0]:
        values = [one[name, arm] for one in found]
        base = first.setdefault(name, arm)
        points = "" if base == arm else interval([one[name, arm] - one[name, base] for one in found])
        figures = " | ".join(f"{value:.3f}" for value in [*values, statistics.mean(values)])
        print(f"| {name} | {arm} | {figures} | {points} |")


if __name__ == "__main__":
    main()
