"""A box of real scores at several rungs: candidates of a run, scored after 0, 10 and 40 adaptation steps each.

`python benchmarks/rungs.py --make-replay RUN` writes the file. It takes the layer knobs of the run with the greatest
costs, as many as have at most `MOST` candidates together, and the first term with its twin as the teacher, at the
weight nearest to 1; all other layers are real. The true value is taken to be the score of the highest rung, in whose
favour a comparison of rungs is then biased.
"""

import gzip
import json
import math
import time
from pathlib import Path
from statistics import median
from typing import Any

from boxes.replay import dearest_knobs
from recorded_scores import RecordedScores, every

from search.plan.plan import SearchPlan, plan_search
from search.run.folder import read_run_folder
from search.run.lock import RunLock
from search.stages.data import read_data
from search.stages.prepare import prepare
from search.stages.scoring import scorer_parts
from spaces.candidate import NO_TEACHER, Candidate
from trainers.progress import SilentProgress
from trainers.scoring.scorer import Scorer
from trainers.whole_files import write_whole

FILE = Path(__file__).with_suffix(".json.gz")
MOST = 81
STEPS = (0, 10, 40)


MISSING = "The box replay_rungs has no scores yet: make them with benchmarks/rungs.py --make-replay RUN."
SCORES = RecordedScores(FILE, MISSING)
knobs, costs, score, reference = SCORES.knobs, SCORES.costs, SCORES.score, SCORES.reference


def score_at(candidate: Candidate, steps: int) -> dict[str, float]:
    """The score after so many adaptation steps."""
    return {"map50": SCORES.of(candidate)[1 + SCORES.contents["steps"].index(steps)]}


def seconds_at(steps: int) -> float:
    """The median seconds of such a score."""
    return float(SCORES.contents["seconds"][SCORES.contents["steps"].index(steps)])


def make(run_dir: Path) -> str:
    """Score all candidates, which takes a second or two for each rung of each."""
    run, config = read_run_folder(run_dir)
    plan, progress = plan_search(config, None, begun=True), SilentProgress()
    described, always = _described(plan)
    figures, seconds = [], []
    with RunLock(run.path):
        prepared = prepare(plan, run, read_data(plan.base, run, progress), progress)
        scorers = []
        for steps in STEPS:
            scoring = config.scoring.model_copy(update={"adapt_steps": steps})
            one = plan_search(config.model_copy(update={"scoring": scoring}), None, begun=True)
            scorers.append(Scorer(scorer_parts(one, run, prepared, progress)))
        for chosen in every(described):
            full = plan.space.uniform("real").replace({**chosen, **always})
            candidate = plan.space.canonical(plan.space.complete(full))
            scores, took = [], []
            for scorer in scorers:
                began = time.monotonic()
                scores.append(round(scorer.score(candidate).metrics["map50"], 5))
                took.append(time.monotonic() - began)
            figures.append([plan.cost_table.costs(candidate)["bit_ops"], *scores])
            seconds.append(took)
    medians = [round(median(one), 2) for one in zip(*seconds, strict=True)]
    contents = {"knobs": described, "steps": STEPS, "seconds": medians, "figures": figures}
    write_whole(FILE, gzip.compress(json.dumps(contents).encode(), mtime=0))
    return f"{len(figures)} candidates are scored at {len(STEPS)} rungs"


def _described(plan: SearchPlan) -> tuple[list[list[Any]], dict[str, Any]]:
    """The knobs of the box, and what all its candidates have in common."""
    layers = dearest_knobs(plan, MOST)
    teacher = next(knob for knob in plan.space.knobs if knob.kind == "teacher")
    weight = next(knob for knob in plan.space.knobs if knob.kind == "weight" and knob.name == teacher.name)
    described = [[knob.key, list(knob.choices)] for knob in layers] + [[teacher.key, [NO_TEACHER, "twin"]]]
    return described, {weight.key: min(weight.choices, key=lambda one: abs(math.log(float(one))))}
