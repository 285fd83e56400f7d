"""Do scores see teachers and weights? Score candidates of the same layers, train each to its end, compare the orders.

    python examples/score_agreement.py examples/score_agreement.yaml --seeds 0 1 2 --processes 2

Every seed is a search of its own: its images, teachers and supernet, in which all candidates of the config are scored,
and then all are retrained. The teacher `useless` has random weights. Printed are each candidate's score (map50 on
`val`) and what it comes to (map50 on `test`), mean over seeds; Kendall's tau-b of the two orders for each seed, with
the 95 % interval of a bootstrap over candidates; and in pairs, seed by seed, what the useful and the useless teacher
are worth to the retrained networks, the mean over each one's candidates.
"""

import argparse
import os
import statistics
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from paired import STUDENT_T, bootstrap, interval, kendall_tau_b

USELESS = "useless"
Row = tuple[str, float, float]
"""A candidate in words, its score and its retrained map50."""


def random_teacher(config_file: str, overrides: list[str], file: Path) -> None:
    """Write the student's real-valued twin as it is before any training."""
    import torch

    from search.config import load_config
    from search.space_builder import student_spec
    from search.splits import class_names
    from spaces.candidate import Candidate
    from spaces.supernet import build_fixed
    from trainers.describe import save_detector

    config = load_config(config_file, overrides)
    names = class_names(config)
    spec = student_spec(config, len(names))
    torch.manual_seed(config.seed)
    file.parent.mkdir(parents=True, exist_ok=True)
    save_detector(file, build_fixed(spec, Candidate({})), spec, Candidate({}), names)


def all_of_a_seed(config_file: str, seed: int, overrides: list[str]) -> list[Row]:
    """One search with its retrainings."""
    import results
    from search.config import load_config
    from search.pipeline import run_retrain, run_search
    from trainers.progress import SilentProgress

    overrides = [f"seed={seed}", *overrides]
    useless = Path("runs", f"useless_seed{seed}.safetensors").resolve()
    if not useless.is_file():
        random_teacher(config_file, overrides, useless)
    config = load_config(config_file, [*overrides, f"teachers.{USELESS}.weights={useless}"])
    folder = Path("runs", f"{config.name}_seed{seed}").resolve()
    run_search(config, folder, None, SilentProgress())
    found = []
    for trial in results.open_run(folder).trials.sort_values("number").itertuples():
        retrained = run_retrain(folder, trial.id, None, None, SilentProgress()).test["map50"]
        found.append((described(dict(results.open_run(folder).candidate(trial.id))), trial.map50, retrained))
        print(f"seed {seed}, {found[-1][0]}: score {trial.map50:.4f}, retrained {retrained:.4f}", flush=True)
    return found


def described(candidate: dict[str, str | float]) -> str:
    """Its terms, each with teacher and weight; `none` without any."""
    taught = {key.partition("/")[2]: value for key, value in candidate.items() if key.startswith("teacher/")}
    return ", ".join(f"{t} {by} {candidate[f'weight/{t}']:g}" for t, by in taught.items() if by != "none") or "none"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config")
    parser.add_argument("--useful", default="big", help="the teacher that is held against none and the useless one")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--processes", type=int, default=1, help="seeds that run side by side")
    parser.add_argument("--set", nargs="*", default=[], dest="overrides", metavar="KEY=VALUE")
    asked = parser.parse_args()
    if len(asked.seeds) > max(STUDENT_T):
        parser.error(f"--seeds: {len(asked.seeds)} seeds were given; up to {max(STUDENT_T)} are allowed.")
    os.environ.setdefault("OMP_NUM_THREADS", "1" if asked.processes > 1 else str(os.cpu_count()))
    with ProcessPoolExecutor(asked.processes) as pool:
        jobs = [pool.submit(all_of_a_seed, asked.config, seed, asked.overrides) for seed in asked.seeds]
        seeds = [job.result() for job in jobs]
    by_name = [{name: (score, retrained) for name, score, retrained in rows} for rows in seeds]
    names = list(by_name[0])
    print("\n| candidate | score | retrained |\n| --- | --- | --- |")
    for name in names:
        score, retrained = (statistics.mean(one[name][place] for one in by_name) for place in (0, 1))
        print(f"| {name} | {score:.3f} | {retrained:.3f} |")

    def tau(places: list[int], one: dict[str, tuple[float, float]]) -> float:
        chosen = [one[names[place]] for place in places]
        return kendall_tau_b([score for score, _ in chosen], [retrained for _, retrained in chosen])

    every = list(range(len(names)))
    each = [tau(every, one) for one in by_name]
    low, high = bootstrap(lambda places: statistics.mean(tau(list(places), one) for one in by_name), len(names))
    shown = ", ".join(f"{one:.2f}" for one in each)
    print(f"\ntau-b: {shown}; mean {statistics.mean(each):.2f}, {low:.2f} to {high:.2f}")

    def worth(teacher: str) -> list[float]:
        own = [name for name in names if f" {teacher} " in name]
        return [statistics.mean(one[name][1] for name in own) - one["none"][1] for one in by_name]

    print(f"points over none: {asked.useful} {interval(worth(asked.useful))}, {USELESS} {interval(worth(USELESS))}")


if __name__ == "__main__":
    main()
