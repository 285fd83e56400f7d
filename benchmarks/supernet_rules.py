"""Which supernet ranks best: the candidates of a run's fidelity, scored from supernets trained by other rules.

RUN is a finished search for which `bitfront fidelity RUN --start twin` has trained candidates alone. Each supernet has
the run's twin, space and images, and a seed of its own. Rules with several passes a step train for so many epochs less,
so that all run as many passes as the run's own supernet; `none` is the twin itself, untrained. Every candidate is
scored with each number of adaptation steps. Printed is Kendall's tau-b between scores and trained figures, with its
95 % interval of a bootstrap over candidates, beside that of the order by cost alone.

Run it with: python benchmarks/supernet_rules.py runs/demo --rules none,single_path,sandwich --seeds 0 --steps 10,40
Given again, it goes on. The last line is JSON.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import pandas as pd

import results
from results.agreement import ROLE, TRAINED, VARIANT, agreement
from results.frame import knobs_of
from search.comparison.opened import OpenedRun, Parts, open_for_comparison
from search.config import Config, config_text
from search.plan.plan import plan_search
from search.run.start import started_run
from search.stages.scoring import live_scorer_parts
from search.stages.supernet import trained_supernet
from spaces.candidate import Candidate
from trainers.progress import SilentProgress
from trainers.scoring.scorer import Scorer
from trainers.whole_files import write_whole

SUPERNETS: dict[str, tuple[dict[str, object], int]] = {
    "none": ({"learning_rate": 1e-9}, 0),
    "single_path": ({"rule": "single_path"}, 1),
    "single_path_log_cost": ({"rule": "single_path", "sampling": "log_cost"}, 1),
    "single_path_by_kind": ({"rule": "single_path", "weights": "by_kind"}, 1),
    "fair": ({"rule": "fair"}, 5),
    "sandwich": ({"rule": "sandwich"}, 4),
    "sandwich_by_kind": ({"rule": "sandwich", "weights": "by_kind"}, 4),
    "nas_bnn": ({"rule": "nas_bnn"}, 4),
}
"""The `supernet` keys of each, and its passes a step (of `fair` in a space of five methods); 0 is a single epoch."""


def changed(config: Config, name: str, seed: int, steps: list[int]) -> Config:
    """The run's config with another supernet and other adaptations."""
    keys, passes = SUPERNETS[name]
    epochs = max(1, round(config.supernet.epochs / passes)) if passes else 1
    content = config.model_dump(mode="json")
    content["seed"] = seed
    content["supernet"] |= {**keys, "epochs": epochs}
    content["scoring"] |= {"adapt_steps": None, "rungs": [{"adapt_steps": count} for count in steps]}
    return Config.model_validate(content)


def scores_of(parts: Parts, config: Config, folder: Path, candidates: list[Candidate]) -> dict[str, list[float]]:
    """By candidate its score at each rung; kept in the folder."""
    plan = plan_search(config, None, begun=True)
    file = folder / f"scores_{'_'.join(map(str, plan.base.config.scoring.steps))}.json"
    known: dict[str, list[float]] = json.loads(file.read_text()) if file.is_file() else {}
    if all(one.id in known for one in candidates):
        return known
    with started_run(folder, plan.base.config) as run:
        run.begin(config_text(plan.base.config))
        prepared = parts.prepared
        state = trained_supernet(plan, run, prepared.teachers, prepared.train, SilentProgress())
    scorer = Scorer(live_scorer_parts(plan, replace(prepared, state=state), 0))
    for one in candidates:
        rungs = range(len(plan.base.config.scoring.steps))
        known[one.id] = [scorer.score(one, rung).metrics["map50"] for rung in rungs]
    write_whole(file, json.dumps(known).encode())
    return known


def compare(opened: OpenedRun, trained: pd.DataFrame, chosen: argparse.Namespace) -> pd.DataFrame:
    """A row for each supernet, seed and number of steps, the first one for the order by cost alone."""
    parts, steps = opened.parts([]), [int(one) for one in chosen.steps.split(",")]
    candidates = [Candidate(knobs_of(row)) for _, row in trained.iterrows()]
    x = opened.results.x
    rows = [{"supernet": "the order by cost", **agreement(trained, [x], x).iloc[0]}]
    for seed in range(chosen.seeds):
        for name in chosen.rules.split(","):
            config = changed(opened.plan.base.config, name, seed, steps)
            folder = opened.folder.path / "supernet_rules" / f"{name}_{seed}"
            scores = scores_of(parts, config, folder, candidates)
            for place, count in enumerate(steps):
                frame = trained.assign(score=[scores[one.id][place] for one in candidates])
                found = agreement(frame, ["score"], x).iloc[0]
                rows.append({"supernet": name, "seed": seed, "steps": count, **found})
                low, high, equal = found["tau_low"], found["tau_high"], found["tau_equal_cost"]
                figures = f"tau {found['tau']:.3f} ({low:.3f} to {high:.3f}), at equal cost {equal:.3f}"
                print(f"{name}, seed {seed}, {count} steps: {figures}", flush=True)
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="the folder of a search with `bitfront fidelity` done")
    parser.add_argument("--rules", default=",".join(SUPERNETS), help="names, with commas between them")
    parser.add_argument("--seeds", type=int, default=1, help="how many supernets of each")
    parser.add_argument("--steps", default="10,40", help="adaptation steps of the rungs, rising")
    chosen = parser.parse_args()
    found = results.open_run(chosen.run).fidelity()
    trained = found.candidates[found.candidates[ROLE].ne(VARIANT) & found.candidates[TRAINED].notna()]
    with open_for_comparison(chosen.run) as opened:
        table = compare(opened, trained.reset_index(drop=True), chosen)
    print(table[["supernet", "seed", "steps", "tau", "tau_low", "tau_high", "spearman", "tau_equal_cost"]].to_string())
    print(table.to_json(orient="records"))


if __name__ == "__main__":
    main()
