"""The controller's own time per trial, and how long workers wait for it.

Budgets (docs/measurements/budgets.md): proposing and durably recording takes at most 5 ms a trial at 3000 trials with
`structured` and with NSGA-II, and at most 50 ms at 1000 with multivariate TPE, over 60 categorical knobs: medians over
the last 100 trials. Two workers whose scores take 2 s are idle for at most 10 % of the time, from the first scores to
the last. Exit status 1 when a budget is missed. The numbers contain the flush to disk of each trial, which is printed
apart: it is the disk's. Processor time is printed too, since a machine with other work takes longer.

Run it with: python benchmarks/controller.py
"""

import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from search.controller.controller import Controller
from search.controller.journal import Journal
from search.controller.problem import SearchProblem
from search.workers.runner import run_trials
from search.workers.worker import Measured
from spaces.candidate import Candidate
from spaces.space import Knob, SearchSpace
from trainers.whole_files import write_whole

KNOBS, LAST = 60, 100
BUDGETS = (("structured", 3000, 0.005), ("nsga2", 3000, 0.005), ("tpe", 1000, 0.050))
"""Samplers, after how many trials, and the seconds that a trial may take."""
IDLE_BUDGET = 0.10
WORKERS, SCORE_SECONDS, SCORES = 2, 2.0, 20
OBJECTIVES = ("map50", "bit_ops")


def space() -> SearchSpace:
    return SearchSpace([Knob(f"layer/backbone.block{i}", ("real", "sign", "bireal")) for i in range(KNOBS)])


class PretendScorer:
    """Accuracy falls with every 1-bit layer, a little at random; the score takes `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def score(self, candidate: Candidate, rung: int = 0) -> Measured:
        time.sleep(self._seconds)
        binary = sum(method != "real" for method in candidate.layers().values())
        map50 = 0.8 - binary / 100 + random.Random(candidate.id).gauss(0.0, 0.02)
        return Measured({"map50": map50, "map50_11": map50}, {"adapt": 0.0, "evaluate": self._seconds})


def costs(candidate: Candidate) -> dict[str, float]:
    binary = sum(method != "real" for method in candidate.layers().values())
    return {"bit_ops": 1e9 - 1.5e7 * binary, "ops": 1e7 - 1e5 * binary, "memory_bits": 1e7 - 1e5 * binary}


def controller(folder: Path, sampler: str, trials: int, workers: int = 1) -> Controller:
    journal = Journal(folder, name="benchmark", space=space(), objectives=OBJECTIVES)
    problem = SearchProblem(space(), costs, OBJECTIVES, trials=trials, workers=workers)
    return Controller(problem, journal, sampler=sampler)


def seconds_a_trial(sampler: str, trials: int) -> tuple[float, float]:
    """Of ask and tell over the last trials: the median seconds, and the mean processor time of a trial."""
    scorer, times, begun = PretendScorer(0.0), [], 0.0
    with tempfile.TemporaryDirectory() as folder:
        one = controller(Path(folder), sampler, trials)
        for number in range(trials):
            if number == trials - LAST:
                begun = time.process_time()
            started = time.perf_counter()
            proposal = one.ask()
            asked = time.perf_counter()
            score = scorer.score(proposal.candidate)
            scored = time.perf_counter()
            one.tell(proposal.number, score)
            times.append(time.perf_counter() - scored + asked - started)
        processor = (time.process_time() - begun) / LAST  # with the scores, which take about 0.03 ms
    return statistics.median(times[-LAST:]), processor


def flush_seconds() -> float:
    """Median seconds of writing one trial's 10 kB and flushing them to the disk."""
    times = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(LAST):
            started = time.perf_counter()
            write_whole(Path(folder) / "record", b"x" * 10_000)
            times.append(time.perf_counter() - started)
    return statistics.median(times)


def idle_share() -> float:
    """The part of the workers' time, after each one's first score, in which they score nothing."""
    finished: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        run_trials(
            controller(Path(folder), "tpe", SCORES, WORKERS),
            SCORE_SECONDS,
            PretendScorer,
            workers=WORKERS,
            on_results=lambda rows: finished.extend([time.perf_counter()] * len(rows)),
        )
    busy = (SCORES - WORKERS) * SCORE_SECONDS
    return 1 - busy / (WORKERS * (finished[-1] - finished[WORKERS - 1]))


def main() -> int:
    print(f"{KNOBS} knobs; flushing one record to this disk takes {1e3 * flush_seconds():.2f} ms")
    missed = False
    for sampler, trials, budget in BUDGETS:
        seconds, processor = seconds_a_trial(sampler, trials)
        missed |= report(f"{sampler}, trial {trials}, ms", 1e3 * seconds, 1e3 * budget)
        print(f"    mean processor time {1e3 * processor:.2f} ms", flush=True)
    missed |= report(f"idle share, scores of {SCORE_SECONDS:g} s, %", 100 * idle_share(), 100 * IDLE_BUDGET)
    return int(missed)


def report(name: str, measured: float, budget: float) -> bool:
    """Print a figure beside its budget, and say whether it is above."""
    missed = measured > budget
    print(f"{name:32} {measured:7.2f}   budget {budget:5.1f}   {'MISSED' if missed else 'ok'}", flush=True)
    return missed


if __name__ == "__main__":
    sys.exit(main())
