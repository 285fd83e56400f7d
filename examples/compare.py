"""Train networks that differ in one thing, seed by seed, and compare them in pairs.

    python examples/compare.py examples/gains_shapes.yaml --seeds 0 1 2 --processes 2

The plan, a YAML file, has a `config`, overrides of it (`set`), and `comparisons`: each with overrides of its own and
`arms`, which add theirs. All arms of a comparison share seed, images, order of images and a run folder with the
teachers that are trained there. The folder has the comparison's name, or is its `folder`: two may share one. The other
arms are compared with the first. The plan's `teachers` are trained first, once per seed; `{name}` in an override is the
file of one.

Configs, weights, layers, terms, batches and run folders are checked for all arms before anything is trained: a mistake
ends the command with one message and exit status 2. What shows only later, such as an image that can't be read, is
reported with its seed and arm. The table gives map50 on the test images for each seed, and the difference from the
first arm as the mean over seeds with its 95 % interval (Student's t of the paired differences). The same command goes
on where it stopped; finished results are read from the runs.
"""

import statistics
from pathlib import Path

from experiments.paired import interval
from experiments.plan import read_plan
from experiments.seeds import clear_exit, parsed, seed_parser
from experiments.training import FiguresByArm, train_plan


def main() -> None:
    parser = seed_parser(__doc__)
    parser.add_argument("plan", type=Path)
    parser.add_argument("--only", nargs="+", metavar="COMPARISON", help="these alone")
    parser.add_argument("--data", help="the folder that holds VOCdevkit, for VOC data")
    asked = parsed(parser)
    with clear_exit():
        plan = read_plan(asked.plan)
        seeds = train_plan(asked, plan.only(asked.only or plan.comparisons), asked.overrides)
    print_table(asked.seeds, seeds)


def print_table(seeds: list[int], figures: list[FiguresByArm]) -> None:
    print("\n| comparison | arm | " + " | ".join(f"seed {seed}" for seed in seeds) + " | mean | points |")
    print("| --- " * (len(seeds) + 4) + "|")
    first_arms: dict[str, str] = {}
    for comparison, arm in figures[0]:
        first = first_arms.setdefault(comparison, arm)
        values = [seed[comparison, arm].map50 for seed in figures]
        differences = [seed[comparison, arm].map50 - seed[comparison, first].map50 for seed in figures]
        cells = [*(f"{value:.3f}" for value in [*values, statistics.mean(values)])]
        print(f"| {comparison} | {arm} | {' | '.join(cells)} | {'' if arm == first else interval(differences)} |")


if __name__ == "__main__":
    main()
