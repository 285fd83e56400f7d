"""A box of real scores: candidates of a run, scored once without adaptation by its supernet, and read from a file.

`python benchmarks/search_quality.py --make-replay RUN` writes the file. It takes the layer knobs of the run with the
greatest costs, as many as have at most `MOST` candidates together; all other layers are real, and no teacher teaches.
"""

import gzip
import json
import time
from pathlib import Path
from typing import Any

from recorded_scores import RecordedScores, every

from search.plan.plan import SearchPlan, plan_search
from search.run.folder import read_run_folder
from search.run.lock import RunLock
from search.stages.data import read_data
from search.stages.prepare import prepare
from search.stages.scoring import scorer_parts
from spaces.space import Knob
from trainers.progress import SilentProgress
from trainers.scoring.scorer import Scorer
from trainers.whole_files import write_whole

FILE = Path(__file__).with_suffix(".json.gz")
MOST = 3000


def make(run_dir: Path, minutes: float) -> str:
    """Score candidates until all are scored or the time is up, and say how many are; the next call goes on."""
    run, config = read_run_folder(run_dir)
    config = config.model_copy(update={"scoring": config.scoring.model_copy(update={"adapt_steps": 0})})
    plan, progress, until = plan_search(config, None, begun=True), SilentProgress(), time.monotonic() + 60 * minutes
    contents = json.loads(gzip.decompress(FILE.read_bytes())) if FILE.exists() else {"figures": []}
    contents["knobs"] = [[knob.key, list(knob.choices)] for knob in dearest_knobs(plan, MOST)]
    with RunLock(run.path):
        scorer = Scorer(
            scorer_parts(plan, run, prepare(plan, run, read_data(plan.base, run, progress), progress), progress)
        )
        candidates = every(contents["knobs"])
        for chosen in candidates[len(contents["figures"]) :]:
            if time.monotonic() > until:
                break
            candidate = plan.space.canonical(plan.space.uniform("real").replace(chosen))
            bit_ops = plan.cost_table.costs(candidate)["bit_ops"]
            contents["figures"].append([bit_ops, round(scorer.score(candidate).metrics["map50"], 5)])
    write_whole(FILE, gzip.compress(json.dumps(contents).encode(), mtime=0))
    return f"{len(contents['figures'])} of {len(candidates)} candidates are scored"


def dearest_knobs(plan: SearchPlan, most: int) -> list[Knob]:
    """The layer knobs whose choices differ most in cost, in the space's order."""
    real = plan.space.uniform("real")

    def range_of(knob: Knob) -> float:
        bit_ops = [plan.cost_table.costs(real.replace({knob.key: choice}))["bit_ops"] for choice in knob.choices]
        return max(bit_ops) - min(bit_ops)

    taken: list[Knob] = []
    product = 1
    for knob in sorted((k for k in plan.space.knobs if k.kind == "layer"), key=range_of, reverse=True):
        if product * len(knob.choices) <= most:
            product *= len(knob.choices)
            taken.append(knob)
    return [knob for knob in plan.space.knobs if knob in taken]


def _check(contents: dict[str, Any]) -> None:
    done, count = len(contents["figures"]), len(every(contents["knobs"]))
    if done < count:
        raise ValueError(f"The box replay has {done} of {count} scores: give --make-replay RUN once more.")


MISSING = "The box replay has no scores yet: make them with --make-replay RUN, of a finished search."
SCORES = RecordedScores(FILE, MISSING, _check)
knobs, costs, score, reference = SCORES.knobs, SCORES.costs, SCORES.score, SCORES.reference
