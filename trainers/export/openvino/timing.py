"""How long graphs take: bursts of runs, all graphs in turn, so that what else the machine does falls on all alike."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from spaces.deployed.form import Array
from trainers.export.openvino.machine import settings
from trainers.export.openvino.runtime import compiled

BURST = 6
"""Runs in a row, of which the first isn't counted: it finds the caches full of another graph."""

Run = Callable[[], object]


@dataclass(frozen=True)
class Time:
    """Milliseconds: the least of all rounds, which what else the machine does disturbs least, and the quartiles."""

    ms: float
    low: float
    high: float


def runs(graph: Any, inputs: Sequence[Array], threads: int) -> Run:
    """Compiles a graph; what is returned runs it once on these inputs."""
    request = compiled(graph, settings() | {"INFERENCE_NUM_THREADS": threads}).create_infer_request()
    given = list(inputs)
    return lambda: request.infer(given, share_inputs=True, share_outputs=True)


def times(runs: Sequence[Run], rounds: int, seconds: float = 0.0, threads: int = 1) -> list[Time]:
    """The time of each run: in every round a burst, of which the least counts.

    rounds and seconds: how many and how long at least. A virtual machine may be slow for many seconds.

    On one thread it is processor time, which leaves out what other processes take; on more the time of the clock.
    """
    clock = time.process_time_ns if threads == 1 else time.perf_counter_ns
    found: list[list[float]] = [[] for _ in runs]
    end = time.monotonic() + seconds
    while len(found[0]) < rounds or time.monotonic() < end:
        for run, own in zip(runs, found, strict=True):
            own.append(_least(run, clock))
    return [_time(own) for own in found]


def _least(run: Run, clock: Callable[[], int]) -> float:
    run()
    taken = []
    for _ in range(BURST - 1):
        before = clock()
        run()
        taken.append(clock() - before)
    return min(taken) / 1e6


def _time(found: Sequence[float]) -> Time:
    low, _, high = statistics.quantiles(found, n=4, method="inclusive") if len(found) > 1 else [found[0]] * 3
    return Time(min(found), low, high)
