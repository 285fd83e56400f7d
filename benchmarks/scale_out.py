"""How much of their time many workers score, when a score takes one second.

The scores sleep, so 64 workers fit on a machine of two cores: what is measured is the driver, which proposes, records
and hands out candidates, and Ray between them. Budget (docs/measurements/budgets.md): the workers score for at least
90 % of the time, from the moment when all of them are ready until nothing more is proposed. Their start is printed
apart, because it is the machine's: so many processes import Python's packages on so many cores. Exit status 1 when a
budget is missed.

Run it with: python benchmarks/scale_out.py [--workers 4,16,64] [--sampler nsga2]
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from search.controller.controller import Controller
from search.controller.journal import Journal
from search.controller.problem import SearchProblem
from search.workers.runner import run_trials
from search.workers.worker import Measured
from spaces.candidate import Candidate
from spaces.space import Knob, SearchSpace

KNOBS, SCORE_SECONDS, SCORES_EACH = 20, 1.0, 12
WORKERS, BUDGET = (4, 16, 64), 0.90
READY_SECONDS = 1800.0
OBJECTIVES = ("map50", "bit_ops")


@dataclass(frozen=True)
class Meeting:
    """A folder in which each worker leaves a file when it is ready, and how many there are."""

    folder: str
    workers: int


class SleepingScorer:
    """Sleeps for a second. The first score waits until all workers are ready. It needs no torch."""

    def __init__(self, meeting: Meeting) -> None:
        self._folder, self._workers, self._met = Path(meeting.folder), meeting.workers, False
        (self._folder / str(os.getpid())).write_text(str(resident_mb()))

    def score(self, candidate: Candidate, rung: int = 0) -> Measured:
        self._meet()
        started = time.time()
        time.sleep(SCORE_SECONDS)
        binary = sum(method != "real" for method in candidate.layers().values())
        return Measured({"map50": 0.8 - binary / 100}, {"started": started, "worker": float(os.getpid())})

    def _meet(self) -> None:
        deadline = time.time() + READY_SECONDS
        while not self._met:
            self._met = len(list(self._folder.iterdir())) >= self._workers
            if time.time() > deadline:
                raise TimeoutError(f"Not all {self._workers} workers were ready within {READY_SECONDS:g} s.")
            time.sleep(0.2)


def resident_mb() -> float:
    """The memory of this process that no other shares, in MB."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    private = [int(line.split()[1]) for line in lines if line.startswith("Private_")]
    return sum(private) / 1024


def costs(candidate: Candidate) -> dict[str, float]:
    return {"bit_ops": 1e9 - 1.5e7 * sum(method != "real" for method in candidate.layers().values())}


def controller(folder: Path, workers: int, sampler: str) -> Controller:
    space = SearchSpace([Knob(f"layer/backbone.block{i}", ("real", "sign", "bireal")) for i in range(KNOBS)])
    journal = Journal(folder, name="benchmark", space=space, objectives=OBJECTIVES)
    problem = SearchProblem(space, costs, OBJECTIVES, trials=workers * SCORES_EACH, workers=workers)
    return Controller(problem, journal, sampler=sampler)


def measure(workers: int, sampler: str) -> tuple[float, float, float]:
    """The share of the ideal; the seconds until all workers were ready; the median memory of a worker in MB."""
    began = time.time()
    with tempfile.TemporaryDirectory() as run, tempfile.TemporaryDirectory() as meeting:
        one = controller(Path(run), workers, sampler)
        run_trials(one, Meeting(meeting, workers), SleepingScorer, workers=workers)
        memory = statistics.median(float(file.read_text()) for file in Path(meeting).iterdir())
        rows = one.records()
    starts = [float(str(row["seconds_started"])) for row in rows]
    first: dict[object, float] = {}
    for row, start in zip(rows, starts, strict=True):
        first[row["seconds_worker"]] = min(start, first.get(row["seconds_worker"], start))
    # Once the last candidate is given out, workers have nothing to do, which is the budget's fault.
    ready, over = max(first.values()), max(starts)
    busy = sum(max(0.0, min(start + SCORE_SECONDS, over) - max(start, ready)) for start in starts)
    return busy / (workers * (over - ready)), ready - began, memory


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--workers", default=",".join(map(str, WORKERS)), help="numbers of workers, with commas")
    parser.add_argument("--sampler", default="nsga2", help="one of search.sampler; a slow one holds many workers up")
    options, missed = parser.parse_args(), False
    print(f"{options.sampler}; scores of {SCORE_SECONDS:g} s, {SCORES_EACH} a worker, {os.cpu_count()} cores")
    for workers in map(int, options.workers.split(",")):
        share, start, memory = measure(workers, options.sampler)
        missed |= share < BUDGET
        verdict = "ok" if share >= BUDGET else "MISSED"
        print(
            f"{workers:3} workers: {share:.3f} of the ideal   budget {BUDGET:.2f}   {verdict}   "
            f"(all ready after {start:.0f} s; {memory:.0f} MB each)",
            flush=True,
        )
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
