"""One rung of scores against several, for equal seconds, on a real run, and what the fronts are worth trained.

RUN is a finished search with several rungs, of which every search takes those that its arm names; equal scores are
made once for all searches, and kept in `benchmark_rung_scores.json` of RUN. A score counts as the seconds that
--seconds-a-score says, so that what else the machine does changes nothing. Each front is that of the arm's highest
rung. Members of it, evenly spread over the logarithm of cost, are retrained as `bitfront retrain` does it.
Hypervolumes lie between the cost of the all-real network at no accuracy and cost 0 at accuracy 1, as shares.

Run it with: python benchmarks/real_rungs.py runs/demo --arms "1;0,1,2" --seconds-a-score 0.7,1.6,4.0 --seconds 100
Given again, it goes on. The last line is JSON.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

from real_search import Trials, retrained, retrains, share, spread_members
from rungs import Rung, candidates_for

from search.controller.controller import Controller
from search.controller.journal import Journal
from search.controller.problem import SearchProblem
from search.controller.proposal import Proposal
from search.plan.plan import SearchPlan, plan_search
from search.run.folder import RunFolder, read_run_folder
from search.run.lock import RunLock
from search.stages.data import read_data
from search.stages.prepare import Prepared, prepare
from search.stages.scoring import scorer_parts
from spaces.candidate import Candidate
from trainers.progress import SilentProgress
from trainers.scoring.scorer import Scorer
from trainers.seeding import seeded
from trainers.whole_files import write_whole


class KnownScores:
    """The scores of a run's candidates at its rungs, each measured once and kept in a file."""

    def __init__(self, path: Path, scorer: Scorer) -> None:
        self._path, self._scorer = path, scorer
        self._known: dict[str, dict[str, float]] = json.loads(path.read_text()) if path.exists() else {}

    def of(self, candidate: Candidate, rung: int) -> dict[str, float]:
        key = f"{candidate.id} {rung}"
        if key not in self._known:
            self._known[key] = dict(self._scorer.score(candidate, rung).metrics)
            write_whole(self._path, json.dumps(self._known).encode())
        return self._known[key]


def searched(
    plan: SearchPlan, scores: KnownScores, arm: Sequence[int], each: Sequence[float], seconds: float, seed: int
) -> tuple[Trials, int]:
    """The trials at the arm's highest rung after so many seconds, and how many candidates were scored."""
    objectives, reduction = ("map50", "bit_ops"), plan.base.config.scoring.reduction
    rungs = [Rung(rung, 0.0, each[rung]) for rung in arm]
    found: Trials = []
    candidates, spent = 0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        controller = Controller(
            SearchProblem(
                plan.space, plan.cost_table.costs, objectives, trials=candidates_for(rungs, reduction, seconds)
            ),
            Journal(Path(folder), name="real", space=plan.space, objectives=objectives),
            sampler="structured",
            seed=seeded(seed, "search"),
            initial=plan.initial,
            rungs=len(arm),
            reduction=reduction,
        )
        while isinstance(proposal := controller.ask(), Proposal):
            spent += rungs[proposal.rung].seconds
            if spent > seconds:
                break
            figures = scores.of(proposal.candidate, arm[proposal.rung])
            controller.tell(proposal.number, SimpleNamespace(metrics=figures, seconds={}), proposal.rung)
            candidates += proposal.rung == 0
            if proposal.rung == len(arm) - 1:
                bit_ops = plan.cost_table.costs(proposal.candidate)["bit_ops"]
                found.append((proposal.candidate, bit_ops, figures["map50"]))
    return found, candidates


def compare(plan: SearchPlan, run: RunFolder, prepared: Prepared, chosen: argparse.Namespace) -> dict[str, object]:
    scorer = Scorer(scorer_parts(plan, run, prepared, SilentProgress()))
    scores = KnownScores(run.path / "benchmark_rung_scores.json", scorer)
    dearest = plan.cost_table.costs(plan.space.canonical(plan.space.uniform("real")))["bit_ops"]
    each = [float(one) for one in chosen.seconds_a_score.split(",")]
    table: dict[str, dict[str, object]] = {}
    fronts: dict[str, Trials] = {}
    for seed in range(chosen.seeds):
        for arm in chosen.arms.split(";"):
            rungs = [int(one) for one in arm.split(",")]
            trials, candidates = searched(plan, scores, rungs, each, chosen.seconds, seed)
            name, volume = f"rungs {arm} seed {seed}", share(trials, dearest)
            fronts[name] = spread_members(trials, chosen.retrain) if chosen.retrain else []
            table[name] = {"candidates": candidates, "at the highest rung": len(trials), "score": volume}
            print(f"{name}: {candidates} candidates, {len(trials)} at the highest rung, {volume:.4f}", flush=True)
    train = retrains(plan, run, prepared)
    for name, members in fronts.items() if chosen.retrain else ():
        trained = retrained(members, train)
        table[name] |= {"retrained": share(trained, dearest), "members": [[c.id, b, m] for c, b, m in trained]}
        print(f"{name}: {len(members)} members retrained {share(trained, dearest):.4f}", flush=True)
    return dict(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="the folder of a finished search with several rungs")
    parser.add_argument("--arms", default="1;0,1,2", help="the searches: which of the run's rungs each has")
    parser.add_argument("--seconds-a-score", default="0.7,1.6,4.0", help="of the run's rungs")
    parser.add_argument("--seconds", type=float, default=100.0, help="how long each search takes")
    parser.add_argument("--seeds", type=int, default=3, help="how many searches of each arm")
    parser.add_argument("--retrain", type=int, default=5, help="how many members of each front are trained; 0 for none")
    chosen = parser.parse_args()
    run, config = read_run_folder(chosen.run)
    plan = plan_search(config, None, begun=True)
    with RunLock(run.path):
        prepared = prepare(plan, run, read_data(plan.base, run, SilentProgress()), SilentProgress())
        print(json.dumps(compare(plan, run, prepared, chosen)))


if __name__ == "__main__":
    main()
