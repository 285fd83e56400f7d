"""Detection in several processes by Ray."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from ray.exceptions import WorkerCrashedError
from trained_in_processes import Fated

import search.workers.detecting as module
from search.errors import RunError
from search.stages.measuring import Spread
from search.workers.session import ray_session
from trainers.data.errors import DataError
from trainers.inference import detect

HERE = Path(__file__).parents[1]


# A Ray of its own and five processes that import torch.
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_processes_find_is_what_one_finds_though_one_of_them_is_killed(
    lively, fixed, blobs, tmp_path, monkeypatch, left_running
):
    """Three batches: one for the first, two for the second, which dies once; then it meets bad data."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), str(HERE.parent.parent)]))
    network, data, deaths = lively(fixed("sign")), blobs(70), tmp_path / "deaths"
    deaths.mkdir()
    alone = detect(network, data)
    with ray_session(None, 2):
        found, pace, device = Spread(workers=2, least=32).detect(network, Fated(data, deaths, "dies"))
        with pytest.raises(DataError, match=r"7\.jpg: it is truncated\. Repair or remove it"):
            Spread(workers=2, least=32).detect(network, Fated(data, deaths, "bad"))
    assert left_running() == []
    assert len(list(deaths.iterdir())) == 1
    assert len(found) == len(alone) == 70
    for one, other in zip(alone, found, strict=True):
        assert {name: value.tobytes() for name, value in one.items()} == {
            name: value.tobytes() for name, value in other.items()
        }
    assert pace > 0
    assert device == "2 processes, each on the CPU with 1 thread"


@pytest.fixture
def tasks(monkeypatch):
    """In place of Ray's tasks those that end as told, one start after the other; gives what was cancelled."""
    cancelled = []

    def get(ending):
        if isinstance(ending, WorkerCrashedError):
            raise ending
        return ending

    cancel = lambda task, force: cancelled.append(task)  # noqa: E731
    monkeypatch.setattr(module, "ray", SimpleNamespace(get=get, cancel=cancel))
    return cancelled


def test_a_part_that_is_lost_is_started_again_alone(tasks):
    endings = {(0, 2): iter(["first"]), (1, 2): iter([WorkerCrashedError(), WorkerCrashedError(), "second"])}
    assert module._all_of(2, lambda part: next(endings[part])) == ["first", "second"]
    assert len(tasks) == 4


def test_a_part_that_is_lost_again_and_again_ends_it_and_so_does_an_error(tasks):
    with pytest.raises(RunError, match=r"looks for objects was lost 3 times: The worker died .*Start the same"):
        module._all_of(1, lambda part: WorkerCrashedError())
    with pytest.raises(DataError, match="truncated"):
        module._all_of(2, lambda part: DataError("7.jpg", "it is truncated") if part[0] else "first")
    assert len(tasks) == 5


def test_few_images_are_looked_at_in_this_process(lively, fixed, blobs, monkeypatch):
    monkeypatch.setattr(module, "detect_in_processes", lambda *_, **__: pytest.fail("processes were started"))
    found, _, device = Spread(workers=4).detect(lively(fixed("sign")), blobs(3))
    assert (len(found), device) == (3, "the CPU with 1 thread")
