"""Samplers against each other on real scores: the same supernet, several seeds, and what the fronts are worth trained.

Each search proposes through the same controller as `bitfront search` with one worker, and scores with the supernet of
RUN, a finished search; equal candidates are scored once for all searches, and kept in `benchmark_scores.json` of RUN.
Then members of each front, evenly spread over the logarithm of cost, are retrained as `bitfront retrain` does it.
Hypervolumes lie between the cost of the all-real network at no accuracy and cost 0 at accuracy 1, as shares.

Run it with: python benchmarks/real_search.py runs/demo --samplers structured,tpe --trials 60 --seeds 3 --retrain 5
Given again, it goes on. The last line is JSON.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

from results.pareto import pareto_mask
from results.volume import hypervolume
from search.controller.controller import Controller
from search.controller.journal import Journal
from search.controller.problem import SearchProblem
from search.controller.proposal import Proposal
from search.plan.plan import SearchPlan, plan_search
from search.run.folder import RunFolder, read_run_folder
from search.run.lock import RunLock
from search.stages.data import read_data
from search.stages.prepare import Prepared, prepare
from search.stages.retrain import retrain_at_the_end
from search.stages.scoring import scorer_parts
from spaces.candidate import Candidate
from trainers.progress import SilentProgress
from trainers.scoring.scorer import Scorer
from trainers.seeding import seeded
from trainers.whole_files import write_whole

Scores = dict[str, dict[str, float]]
Trials = list[tuple[Candidate, float, float]]
"""Candidate, bit_ops and map50 of each trial."""


class KnownScores:
    """The scores of a run's candidates, each measured once and kept in a file."""

    def __init__(self, path: Path, scorer: Scorer) -> None:
        self._path, self._scorer = path, scorer
        self._known: Scores = json.loads(path.read_text()) if path.exists() else {}

    def of(self, candidate: Candidate) -> dict[str, float]:
        if candidate.id not in self._known:
            score = self._scorer.score(candidate)
            self._known[candidate.id] = {**score.metrics, "seconds": sum(score.seconds.values())}
            write_whole(self._path, json.dumps(self._known).encode())
        return self._known[candidate.id]


def searched(plan: SearchPlan, scores: KnownScores, sampler: str, trials: int, seed: int) -> Trials:
    """The trials of one search."""
    objectives = ("map50", "bit_ops")
    found: Trials = []
    with tempfile.TemporaryDirectory() as folder:
        controller = Controller(
            SearchProblem(plan.space, plan.cost_table.costs, objectives, trials=trials),
            Journal(Path(folder), name="real", space=plan.space, objectives=objectives),
            sampler=sampler,
            seed=seeded(seed, "search"),
            initial=plan.initial,
        )
        while isinstance(proposal := controller.ask(), Proposal):
            figures = dict(scores.of(proposal.candidate))
            seconds = {"score": figures.pop("seconds")}
            controller.tell(proposal.number, SimpleNamespace(metrics=figures, seconds=seconds))
            found.append((proposal.candidate, plan.cost_table.costs(proposal.candidate)["bit_ops"], figures["map50"]))
    return found


def points(trials: Trials) -> NDArray[np.float64]:
    return np.array([[bit_ops, -map50] for _, bit_ops, map50 in trials])


def share(trials: Trials, dearest: float) -> float:
    return hypervolume(points(trials) / [dearest, 1.0], [1.0, 0.0])


def spread_members(trials: Trials, count: int) -> Trials:
    """Members of the front nearest to evenly spaced logarithms of cost, its ends among them."""
    front = sorted((one for one, on in zip(trials, pareto_mask(points(trials)), strict=True) if on), key=lambda t: t[1])
    logs = np.log([bit_ops for _, bit_ops, _ in front])
    nearest = (int(np.abs(logs - at).argmin()) for at in np.linspace(logs[0], logs[-1], count))
    return [front[i] for i in dict.fromkeys(nearest)]


def retrained(members: Trials, train: Callable[[Candidate], float]) -> Trials:
    """The same with the accuracy on the test images after a training of each."""
    return [(candidate, bit_ops, train(candidate)) for candidate, bit_ops, _ in members]


def retrains(plan: SearchPlan, run: RunFolder, prepared: Prepared) -> Callable[[Candidate], float]:
    """What trains a candidate of the run and gives its map50 on the test images."""

    def train(candidate: Candidate) -> float:
        started = time.monotonic()
        figure = retrain_at_the_end(plan, run, prepared, [candidate], SilentProgress())[0].test["map50"]
        print(f"  retrained {candidate.id}: {figure:.4f} in {time.monotonic() - started:.0f} s", flush=True)
        return float(figure)

    return train


def compare(plan: SearchPlan, run: RunFolder, prepared: Prepared, chosen: argparse.Namespace) -> dict[str, object]:
    progress = SilentProgress()
    scores = KnownScores(run.path / "benchmark_scores.json", Scorer(scorer_parts(plan, run, prepared, progress)))
    dearest = plan.cost_table.costs(plan.space.canonical(plan.space.uniform("real")))["bit_ops"]

    train = retrains(plan, run, prepared)
    table: dict[str, object] = {}
    fronts: dict[tuple[str, int], Trials] = {}
    for seed in range(chosen.seeds):
        for sampler in chosen.samplers.split(","):
            trials = searched(plan, scores, sampler, chosen.trials, seed)
            fronts[sampler, seed] = spread_members(trials, chosen.retrain)
            table[f"{sampler} {seed}"] = {"score": share(trials, dearest)}
            print(f"{sampler} seed {seed}: hypervolume by score {share(trials, dearest):.4f}", flush=True)
    for (sampler, seed), members in fronts.items() if chosen.retrain else ():
        volume = share(trained := retrained(members, train), dearest)
        table[f"{sampler} {seed}"] |= {"retrained": volume, "members": [[c.id, b, m] for c, b, m in trained]}  # type: ignore[operator]
        print(f"{sampler} seed {seed}: hypervolume of {len(members)} members retrained {volume:.4f}", flush=True)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="the folder of a finished search")
    parser.add_argument("--samplers", default="structured,tpe", help="names, with commas between them")
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=3, help="how many searches of each sampler")
    parser.add_argument("--retrain", type=int, default=5, help="how many members of each front are trained; 0 for none")
    chosen = parser.parse_args()
    run, config = read_run_folder(chosen.run)
    plan = plan_search(config, None, begun=True)
    with RunLock(run.path):
        data = read_data(plan.base, run, SilentProgress())
        prepared = prepare(plan, run, data, SilentProgress())
        print(json.dumps(compare(plan, run, prepared, chosen)))


if __name__ == "__main__":
    main()
