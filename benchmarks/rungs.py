"""What front a search finds in equal seconds with one rung or with several, on a box whose scores take no time.

A rung's score is the true value and an error. The error is a candidate's own: scored again at the same rung it has the
same. It shrinks with the adaptation steps, and errors of two rungs are correlated. A rung of 0 steps sees the layers
alone, as scores do: the candidate is scored without its terms. A rung has its seconds a score; measured ones, and
measured errors, go in by --seconds-a-score and --errors. A search begins with as many candidates as its seconds should
be enough for, promotions included, and ends when they are spent.

A box that has `score_at(candidate, steps) -> dict` and `seconds_at(steps) -> float` is taken as it is: replay_rungs has
real scores of three rungs.

Figures are true hypervolumes, as in search_quality.py, of the front that the scores of the highest rung choose.

Run it with: python benchmarks/rungs.py --steps 0,20,100 --errors 0.03,0.015,0.008 --seconds-a-score 0.4,0.8,2.4
The last line is JSON: {"0,20,100": {"120": {"median": ..., "mean": ..., "sd": ...}}}.
"""

import argparse
import json
import math
import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from search_quality import Box, read_module, summary

from results.pareto import pareto_mask
from search.controller.controller import Controller
from search.controller.journal import Journal
from search.controller.proposal import Proposal
from search.controller.samplers import SAMPLERS
from spaces.candidate import NO_TEACHER, Candidate


@dataclass(frozen=True)
class Rung:
    """What a score with so many steps is like: the standard deviation of its error, and its seconds."""

    steps: int
    error: float
    seconds: float


Measured = Callable[[Candidate, int], dict[str, float]]
"""The real score of a candidate after so many steps."""


@dataclass(frozen=True)
class Scores:
    """The scores of a search over a box, whose errors are drawn from its seed."""

    box: Box
    rungs: tuple[Rung, ...]
    correlation: float
    seed: int
    measured: Measured | None = None

    def score(self, candidate: Candidate, rung: int) -> dict[str, float]:
        steps, sd = self.rungs[rung].steps, self.rungs[rung].error
        if self.measured is not None:
            return self.measured(candidate, steps)
        blind = steps == 0
        true = self.box.score(without_terms(self.box, candidate) if blind else candidate)
        error = math.sqrt(self.correlation) * self._drawn(candidate, "all")
        error += math.sqrt(1 - self.correlation) * self._drawn(candidate, str(steps))
        return {name: value + sd * error for name, value in true.items()}

    def seconds(self, rung: int) -> float:
        return self.rungs[rung].seconds

    def _drawn(self, candidate: Candidate, of: str) -> float:
        return random.Random(f"{self.seed} {candidate.id} {of}").gauss(0.0, 1.0)


def without_terms(box: Box, candidate: Candidate) -> Candidate:
    none = {knob.key: NO_TEACHER for knob in box.space.knobs if knob.kind == "teacher"}
    return box.space.canonical(box.space.complete(candidate).replace(none))


def candidates_for(rungs: Sequence[Rung], reduction: int, seconds: float) -> int:
    """How many candidates the seconds are enough for, if one in `reduction` goes on at each rung."""
    each = sum(rung.seconds / reduction**index for index, rung in enumerate(rungs))
    return max(1, int(seconds / each))


def volume(scores: Scores, sampler: str, reduction: int, seconds: float) -> float:
    """The true share of the hypervolume after so many seconds of one search."""
    box, spent = scores.box, 0.0
    found: dict[int, list[tuple[list[float], list[float]]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        controller = Controller(
            box.problem(candidates_for(scores.rungs, reduction, seconds)),
            Journal(Path(folder), name="rungs", space=box.space, objectives=tuple(box.reference)),
            sampler=sampler,
            seed=scores.seed,
            initial=box.ends(),
            rungs=len(scores.rungs),
            reduction=reduction,
        )
        while isinstance(proposal := controller.ask(), Proposal):
            spent += scores.seconds(proposal.rung)
            if spent > seconds:
                break
            metrics = scores.score(proposal.candidate, proposal.rung)
            controller.tell(proposal.number, SimpleNamespace(metrics=metrics, seconds={}), proposal.rung)
            figures = {**metrics, **box.costs(proposal.candidate)}
            scored = [figures[name] * sign for name, sign in zip(box.reference, box.signs(), strict=True)]
            found.setdefault(proposal.rung, []).append((scored, box.values(proposal.candidate)))
    scored, true = (np.array(one) for one in zip(*found[max(found)], strict=True))
    return box.volume(true[pareto_mask(scored)])


def numbers(text: str) -> list[float]:
    return [float(one) for one in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blackbox", default="additive", help="a box of benchmarks/boxes/, or a Python file")
    parser.add_argument("--steps", default="0,20,100", help="the adaptation steps that --errors and seconds are of")
    parser.add_argument("--errors", default="0.03,0.015,0.008", help="standard deviation of a score's error, by steps")
    parser.add_argument("--seconds-a-score", default="0.4,0.8,2.4", help="seconds of a score, by steps")
    parser.add_argument("--correlation", type=float, default=0.5, help="of a candidate's errors at two rungs")
    parser.add_argument(
        "--rungs", default="0;20;100;0,20;20,100;0,100;0,20,100", help="the searches: steps of their rungs"
    )
    parser.add_argument("--seconds", default="60,120,240", help="how long the searches take")
    parser.add_argument("--reduction", type=int, default=3, help="one candidate in so many goes on")
    parser.add_argument("--sampler", default="structured", choices=list(SAMPLERS))
    parser.add_argument("--seeds", type=int, default=10, help="how many searches of each kind")
    parser.add_argument("--make-replay", type=Path, metavar="RUN", help="score candidates of a run for replay_rungs")
    chosen = parser.parse_args()
    if chosen.make_replay:
        print(read_module("replay_rungs").make(chosen.make_replay))
        return
    module = read_module(chosen.blackbox)
    box, real = Box.of(module), getattr(module, "score_at", None)
    steps_of = [int(one) for one in chosen.steps.split(",")]
    errors = [0.0] * len(steps_of) if real else numbers(chosen.errors)
    each = [module.seconds_at(steps) for steps in steps_of] if real else numbers(chosen.seconds_a_score)
    known = {steps: Rung(steps, *one) for steps, *one in zip(steps_of, errors, each, strict=True)}
    table: dict[str, dict[str, dict[str, float]]] = {}
    print(f"{'rungs':10} {'seconds':>8} {'candidates':>10} {'median':>8} {'mean':>8} {'sd':>8}")
    for steps in chosen.rungs.split(";"):
        rungs = tuple(known[int(one)] for one in steps.split(","))
        table[steps] = {}
        for seconds in numbers(chosen.seconds):
            searches = [Scores(box, rungs, chosen.correlation, seed, real) for seed in range(chosen.seeds)]
            row = summary([volume(one, chosen.sampler, chosen.reduction, seconds) for one in searches])
            table[steps][f"{seconds:g}"] = row
            count = candidates_for(rungs, chosen.reduction, seconds)
            figures = f"{row['median']:8.4f} {row['mean']:8.4f} {row['sd']:8.4f}"
            print(f"{steps:10} {seconds:8g} {count:10} {figures}", flush=True)
    print(json.dumps(table))


if __name__ == "__main__":
    main()
