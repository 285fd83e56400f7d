"""Train networks that differ in one thing, seed by seed, and compare them in pairs.

    python examples/compare.py examples/gains_shapes.yaml --seeds 0 1 2 --processes 2

The plan, a YAML file, has a `config`, what is overridden in it (`set`), and `comparisons`: each with overrides of its
own and `arms`, which add theirs. All arms of a comparison share seed, images, order of images and a run folder with the
teachers that are trained there (of the comparison's name, or its `folder`: two may share one). The first arm is what
the others are compared with. The plan's `teachers` are trained first, once a seed; `{name}` in an override is the file
of one. Configs, weights, layers, terms, batches and run folders are checked for all before anything is trained: what is
wrong ends it with one message and exit status 2. What is seen only later, such as an image that can't be read, is told
with its seed and arm. The table gives map50 on the test images for each seed, and the difference from the first arm as
the mean over seeds with its 95 % interval (Student's t of the paired differences). Stopped and started again it goes
on; what is finished is read from the runs.
"""

import statistics
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from paired import interval
from plan import Arm, Plan, read_plan
from seeds import parsed, seed_by_seed, seed_parser, told_clearly, told_of, trained


def all_of_a_seed(plan: Plan, data: str | None, overrides: list[str], seed: int) -> dict[tuple[str, str], float]:
    """map50 by comparison and arm; one after the other, since the arms of a comparison share a run folder."""
    found: dict[tuple[str, str], float] = {}
    files: dict[str, Path] = {}

    def one(arm: Arm) -> Path:
        laid_over = [f"seed={seed}", *plan.overrides, *overrides, *arm.placed(files)]
        with told_of(f"seed {seed}, {arm.label}"):
            result = trained(plan.config, laid_over, f"{arm.folder}_seed{seed}", data)
        found[arm.comparison, arm.name] = result.test["map50"]
        print(f"seed {seed}, {arm.label}: map50 {result.test['map50']:.4f}", flush=True)
        return result.checkpoint

    for name, teacher in plan.teachers.items():
        files[name] = one(teacher)
    for arm in plan.arms:
        one(arm)
    return found


def main() -> None:
    parser = seed_parser(__doc__)
    parser.add_argument("plan", type=Path)
    parser.add_argument("--only", nargs="+", metavar="COMPARISON", help="these alone")
    parser.add_argument("--data", help="the folder that holds VOCdevkit, for VOC data")
    asked = parsed(parser)
    with told_clearly(), TemporaryDirectory() as place:
        plan = read_plan(asked.plan)
        plan = plan.of(asked.only or plan.comparisons)
        found = seed_by_seed(
            asked,
            partial(plan.check, asked.seeds, asked.overrides, asked.data, Path(place)),
            partial(all_of_a_seed, plan, asked.data, asked.overrides),
        )
    show(asked.seeds, found)


def show(seeds: list[int], found: list[dict[tuple[str, str], float]]) -> None:
    """The table."""
    print("\n| comparison | arm | " + " | ".join(f"seed {seed}" for seed in seeds) + " | mean | points |")
    print("| --- " * (len(seeds) + 4) + "|")
    first: dict[str, str] = {}
    for name, arm in found[0]:
        values = [one[name, arm] for one in found]
        base = first.setdefault(name, arm)
        points = "" if base == arm else interval([one[name, arm] - one[name, base] for one in found])
        figures = " | ".join(f"{value:.3f}" for value in [*values, statistics.mean(values)])
        print(f"| {name} | {arm} | {figures} | {points} |")


if __name__ == "__main__":
    main()
