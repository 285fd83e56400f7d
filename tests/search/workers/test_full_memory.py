"""Ray's memory monitor ends workers: the search says how full the memory was, and what to lower."""

import os
import re

import pytest
import ray
from drive_search import SPACE, open_controller, start_ray
from fake_scorer import FILLED, FakeParts, make_fake_scorer

from search.errors import RunError
from search.workers.assignments import Assignments
from search.workers.reasons import DIED, LESS_MEMORY
from search.workers.recorder import Recorder
from search.workers.runner import FRUITLESS_STARTS, _run_until_over, run_trials


# A Ray of its own, whose start takes some five seconds.
@pytest.mark.slow
def test_workers_that_do_not_fit_into_the_memory_end_the_search_with_the_cause_and_the_way_out(tmp_path, monkeypatch):
    """The monitor takes the memory for full as soon as a hundredth of it is used."""
    monkeypatch.setenv("RAY_memory_usage_threshold", "0.01")
    monkeypatch.setenv("RAY_memory_monitor_refresh_ms", "50")
    start_ray("local", num_cpus=1, include_dashboard=False)
    try:
        cause = r"A worker could not be set up: the worker died: the memory of its machine was \d+% full .* GB\): "
        with pytest.raises(RunError, match=cause + LESS_MEMORY):
            run_trials(open_controller(tmp_path, trials=6), FakeParts(), make_fake_scorer)
    finally:
        ray.shutdown()
    assert open_controller(tmp_path, trials=6).records() == []


def test_workers_that_are_ended_again_and_again_before_a_score_end_the_search(tmp_path, recorded_progress):
    controller = open_controller(tmp_path, trials=6)
    assignments, progress, starts = Assignments(controller), recorded_progress(), []

    def killed_at_once() -> None:
        starts.append(None)
        report = "Memory on the node (IP: 192.0.2.2) was 23.1GB used / 23.5GB limit (0.98)"
        raise RuntimeError("unexpected exception") from ray.exceptions.OutOfMemoryError(report)

    with progress.stage("search", 6) as stage:
        recorder = Recorder(controller, assignments, stage)
        with pytest.raises(RunError, match=r"3 times before a candidate was scored: the memory .* 98% full"):
            _run_until_over(killed_at_once, recorder, assignments, progress)
    assert len(starts) == FRUITLESS_STARTS
    assert controller.records() == []


# A Ray of its own, and four gigabytes that are filled: some fifteen seconds.
@pytest.mark.slow
def test_a_candidate_that_fills_the_memory_is_recorded_with_the_cause_and_the_search_goes_on(tmp_path, monkeypatch):
    """The memory counts as full when half of what the candidate takes has come to what is used now."""
    page = os.sysconf("SC_PAGE_SIZE")
    there = page * os.sysconf("SC_PHYS_PAGES")
    used = there - _available()
    if _available() < 2 * FILLED:
        pytest.skip(f"{2 * FILLED >> 30} GB of memory must be free")
    monkeypatch.setenv("RAY_memory_usage_threshold", f"{(used + FILLED / 2) / there:.3f}")
    monkeypatch.setenv("RAY_memory_monitor_refresh_ms", "50")
    start_ray("local", num_cpus=1, include_dashboard=False)
    layers = list(SPACE.uniform("real"))
    initial = [SPACE.complete(dict.fromkeys(layers[:signs], "sign")) for signs in (0, 1, 2)]
    try:
        controller = open_controller(tmp_path, trials=3, initial=initial)
        run_trials(controller, FakeParts(endings={1: "fill"}), make_fake_scorer)
    finally:
        ray.shutdown()
    full = (
        rf"{re.escape(DIED)}the memory of its machine was \d+% full \([\d.]+ of [\d.]+ GB\): {re.escape(LESS_MEMORY)}"
    )
    first, filling, last = open_controller(tmp_path, trials=3).records()
    assert (first["reason"], last["reason"]) == (None, None)
    assert re.fullmatch(full, filling["reason"])


def _available() -> int:
    """Bytes of memory that a process may still take, caches of files included."""
    with open("/proc/meminfo") as file:  # noqa: PTH123 - a line at a time
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable"))
