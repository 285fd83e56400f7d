"""Do scores order candidates as training does? Score candidates, train each to its end, compare the orders.

    python examples/score_agreement.py examples/score_agreement.yaml --seeds 2 3 4 --processes 2

Every seed is a search of its own, with its own images, teachers and supernet. It scores all candidates of the config,
then retrains all of them. The teacher `useless`, if the config has one, gets random weights. The first table has the
score (map50 on `val`) and the map50 after retraining (on `test`) of the candidates that all seeds have, as means over
seeds. Then comes Kendall's tau-b of the two orders for each seed, with the 95 % interval of a bootstrap over
candidates. With a teacher `useless`, the last lines compare, seed by seed, the retrained networks of the useful
teacher, of no teacher and of the useless one: differences of the means over each one's candidates, with p by Fisher's
exact test.
"""

import statistics
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.paired import bootstrap, interval, kendall_tau_b, sign_flip_p
from experiments.seeds import clear_exit, parsed, seed_by_seed, seed_parser

from spaces.candidate import Candidate

if TYPE_CHECKING:
    from search.config import Config

USELESS = "useless"
NONE = "none"
Row = tuple[str, float, float]
"""A candidate in words, its score, and its map50 after retraining."""


def check(config_file: str, useful: str, seeds: list[int], overrides: list[str]) -> None:
    """Raise ConfigError or RunError if a seed's config is wrong or its run folder holds a run of another config."""
    from search.config import ConfigError
    from search.config.names import unknown
    from search.plan.sources import settled
    from search.run.folder import check_run_folder

    for seed in seeds:
        config = settled(config_of(config_file, seed, overrides), None)
        if USELESS in config.teachers:
            if useful not in config.teachers:
                raise ConfigError(f"--useful: {unknown(useful, config.teachers)}")
            useless = config.teachers[USELESS].model_copy(update={"weights": str(useless_file(seed))})
            config = config.model_copy(update={"teachers": {**config.teachers, USELESS: useless}})
        check_run_folder(run_folder(config), config)


def config_of(config_file: str, seed: int, overrides: list[str]) -> "Config":
    from search.config import load_config

    return load_config(config_file, [f"seed={seed}", *overrides])


def useless_file(seed: int) -> Path:
    return Path("runs", f"useless_seed{seed}.safetensors").resolve()


def run_folder(config: "Config") -> Path:
    return Path("runs", f"{config.name}_seed{config.seed}").resolve()


def all_of_a_seed(config_file: str, overrides: list[str], seed: int) -> list[Row]:
    """One search with its retrainings."""
    from experiments.plan_check import save_untrained

    import results
    from search import run_retrain, run_search
    from spaces.candidate import Candidate

    config = config_of(config_file, seed, overrides)
    if USELESS in config.teachers:
        useless = useless_file(seed)
        if not useless.is_file():
            useless.parent.mkdir(parents=True, exist_ok=True)
            save_untrained(useless, config, Candidate({}))
        config = config_of(config_file, seed, [*overrides, f"teachers.{USELESS}.weights={useless}"])
    folder = run_folder(config)
    run_search(config, folder)
    rows = []
    trials = results.open_run(folder).trials
    for trial in trials[trials["state"] == "complete"].sort_values("number").itertuples():
        retrained = run_retrain(folder, trial.id).test["map50"]
        rows.append((described(Candidate(results.open_run(folder).candidate(trial.id))), trial.map50, retrained))
        print(f"seed {seed}, {rows[-1][0]}: score {trial.map50:.4f}, retrained {retrained:.4f}", flush=True)
    return rows


def described(candidate: Candidate) -> str:
    """Its terms, each with teacher and weight, or `none`, where terms are searched. Otherwise its layers."""
    if not any(key.startswith("teacher/") for key in candidate):
        return ", ".join(f"{key.removeprefix('layer/')} {value}" for key, value in candidate.items())
    return ", ".join(f"{t} {one.teacher} {one.weight:g}" for t, one in candidate.terms().items()) or NONE


def taught(candidates: dict[str, tuple[float, float]], teacher: str) -> list[float]:
    """The retrained map50 of the candidates of a teacher; for `none`, of the one without a teacher."""
    return [reached for name, (_, reached) in candidates.items() if name == teacher or f" {teacher} " in name]


def main() -> None:
    parser = seed_parser(__doc__)
    parser.add_argument("config")
    parser.add_argument("--useful", default="big", help="the teacher to compare with none and with the useless one")
    asked = parsed(parser)
    with clear_exit():
        seeds = seed_by_seed(
            asked,
            partial(check, asked.config, asked.useful, asked.seeds, asked.overrides),
            partial(all_of_a_seed, asked.config, asked.overrides),
        )
    by_name = [{name: (score, retrained) for name, score, retrained in rows} for rows in seeds]
    names = [name for name in by_name[0] if all(name in one for one in by_name)]
    print("\n| candidate | score | retrained |\n| --- | --- | --- |")
    for name in names:
        score, retrained = (statistics.mean(one[name][place] for one in by_name) for place in (0, 1))
        print(f"| {name} | {score:.3f} | {retrained:.3f} |")

    def tau(rows: list[Row], places: Sequence[int]) -> float:
        return kendall_tau_b([rows[place][1] for place in places], [rows[place][2] for place in places])

    count = min(map(len, seeds))  # a seed in which a candidate failed has fewer
    each = [tau(rows, range(len(rows))) for rows in seeds]
    low, high = bootstrap(lambda places: statistics.mean(tau(rows, places) for rows in seeds), count)
    by_seed = ", ".join(f"{one:.2f}" for one in each)
    print(f"\ntau-b: {by_seed}; mean {statistics.mean(each):.2f}, {low:.2f} to {high:.2f}")
    for better, worse in ((asked.useful, NONE), (NONE, USELESS), (asked.useful, USELESS)):
        if taught(by_name[0], better) and taught(by_name[0], worse):
            over = [statistics.mean(taught(one, better)) - statistics.mean(taught(one, worse)) for one in by_name]
            print(f"points of {better} over {worse}: {interval(over)}, one-sided p {sign_flip_p(over):.3f}")


if __name__ == "__main__":
    main()
