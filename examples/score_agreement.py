"""Do scores order candidates as training does? Score candidates, train each to its end, compare the orders.

    python examples/score_agreement.py examples/score_agreement.yaml --seeds 2 3 4 --processes 2

Every seed is a search of its own: its images, teachers and supernet, in which all candidates of the config are scored,
and then all are retrained. The teacher `useless`, where the config has one, gets random weights. Printed are the score
(map50 on `val`) and what it comes to (map50 on `test`), mean over seeds, of the candidates that all seeds have; and
Kendall's tau-b of the two orders for each seed, with the 95 % interval of a bootstrap over candidates. With `useless`
also, in pairs, seed by seed, how far the useful teacher's retrained networks are above the one without a teacher, and
that one above the useless teacher's: means over each one's candidates, with p by Fisher's exact test.
"""

import argparse
import os
import statistics
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from paired import STUDENT_T, bootstrap, interval, kendall_tau_b, sign_flip_p

USELESS = "useless"
NONE = "none"
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
    config = load_config(config_file, overrides)
    if USELESS in config.teachers:
        useless = Path("runs", f"useless_seed{seed}.safetensors").resolve()
        if not useless.is_file():
            random_teacher(config_file, overrides, useless)
        config = load_config(config_file, [*overrides, f"teachers.{USELESS}.weights={useless}"])
    folder = Path("runs", f"{config.name}_seed{seed}").resolve()
    run_search(config, folder, None, SilentProgress())
    found = []
    trials = results.open_run(folder).trials
    for trial in trials[trials["state"] == "complete"].sort_values("number").itertuples():
        retrained = run_retrain(folder, trial.id, None, None, SilentProgress()).test["map50"]
        found.append((described(dict(results.open_run(folder).candidate(trial.id))), trial.map50, retrained))
        print(f"seed {seed}, {found[-1][0]}: score {trial.map50:.4f}, retrained {retrained:.4f}", flush=True)
    return found


def described(candidate: dict[str, str | float]) -> str:
    """Its terms, each with teacher and weight, where terms are searched; `none` without any. Otherwise its layers."""
    taught = {key.partition("/")[2]: value for key, value in candidate.items() if key.startswith("teacher/")}
    if not taught:
        return ", ".join(f"{key.removeprefix('layer/')} {value}" for key, value in candidate.items())
    return ", ".join(f"{t} {by} {candidate[f'weight/{t}']:g}" for t, by in taught.items() if by != NONE) or NONE


def taught(candidates: dict[str, tuple[float, float]], teacher: str) -> list[float]:
    """The retrained map50 of a teacher's candidates; of `none` the one without a teacher."""
    return [reached for name, (_, reached) in candidates.items() if name == teacher or f" {teacher} " in name]


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
    from search.config import load_config  # here, since torch reads the number of threads when it is loaded

    pool = load_config(asked.config, asked.overrides).teachers
    if USELESS in pool and asked.useful not in pool:
        parser.error(f"--useful: {asked.useful!r} is not a teacher of the config; it has {', '.join(pool)}.")
    with ProcessPoolExecutor(asked.processes) as workers:
        jobs = [workers.submit(all_of_a_seed, asked.config, seed, asked.overrides) for seed in asked.seeds]
        seeds = [job.result() for job in jobs]
    by_name = [{name: (score, retrained) for name, score, retrained in rows} for rows in seeds]
    names = [name for name in by_name[0] if all(name in one for one in by_name)]
    print("\n| candidate | score | retrained |\n| --- | --- | --- |")
    for name in names:
        score, retrained = (statistics.mean(one[name][place] for one in by_name) for place in (0, 1))
        print(f"| {name} | {score:.3f} | {retrained:.3f} |")

    def tau(rows: list[Row], places: Sequence[int]) -> float:
        return kendall_tau_b([rows[place][1] for place in places], [rows[place][2] for place in places])

    count = min(map(len, seeds))  # of a seed in which a candidate failed there are fewer
    each = [tau(rows, range(len(rows))) for rows in seeds]
    low, high = bootstrap(lambda places: statistics.mean(tau(rows, places) for rows in seeds), count)
    shown = ", ".join(f"{one:.2f}" for one in each)
    print(f"\ntau-b: {shown}; mean {statistics.mean(each):.2f}, {low:.2f} to {high:.2f}")
    for better, worse in ((asked.useful, NONE), (NONE, USELESS), (asked.useful, USELESS)):
        if taught(by_name[0], better) and taught(by_name[0], worse):
            over = [statistics.mean(taught(one, better)) - statistics.mean(taught(one, worse)) for one in by_name]
            print(f"points of {better} over {worse}: {interval(over)}, one-sided p {sign_flip_p(over):.3f}")


if __name__ == "__main__":
    main()
