"""Ray's memory monitor ends workers: the search says how full the memory was, and what to lower."""

import pytest
import ray
from drive_search import open_controller, start_ray
from fake_scorer import FakeParts, make_fake_scorer

from search.errors import RunError
from search.workers.reasons import LESS_MEMORY
from search.workers.runner import run_trials


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
