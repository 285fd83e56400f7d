"""A disk that gets full while Ray Tune runs trials: the search ends with the file's name, and goes on afterwards."""

import errno
import os
from pathlib import Path

import pytest
import ray
from drive_search import open_controller
from fake_scorer import FakeParts, make_fake_scorer
from ray.exceptions import OutOfDiskError

from search.controller.journal import Journal
from search.controller.proposal import Done
from search.errors import RunError
from search.workers import runner
from search.workers.runner import run_trials

HERE = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def ray_here():
    """Ray's start takes some five seconds."""
    path = os.pathsep.join([str(HERE), str(HERE.parent.parent)])
    environment = {"env_vars": {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}}
    ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False, runtime_env=environment)
    yield
    ray.shutdown()


# Two workers are started, which takes some five seconds each.
@pytest.mark.slow
@pytest.mark.usefixtures("ray_here")
@pytest.mark.parametrize("record", ["journal.log", "in_flight.jsonl"])
def test_a_record_that_cannot_be_written_ends_the_search_and_loses_no_trial(tmp_path, monkeypatch, record):
    call = {"journal.log": "append", "in_flight.jsonl": "note_in_flight"}[record]
    usual, calls = getattr(Journal, call), []

    def full_at_the_fourth(self, entry):
        calls.append(entry)
        if len(calls) == 4:
            raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path / record))
        usual(self, entry)

    monkeypatch.setattr(Journal, call, full_at_the_fourth)
    with pytest.raises(OSError, match="No space left") as full:
        run_trials(open_controller(tmp_path, trials=6), FakeParts(), make_fake_scorer)
    assert full.value.filename == str(tmp_path / record)
    done = [row["id"] for row in open_controller(tmp_path, trials=6).records()]
    assert len(done) == 3
    assert run_trials(open_controller(tmp_path, trials=6), FakeParts(), make_fake_scorer) is Done.BUDGET
    found = [row["id"] for row in open_controller(tmp_path, trials=6).records()]
    assert found[:3] == done
    assert len(set(found)) == 6


@pytest.mark.parametrize("error", [OutOfDiskError("Local disk is full"), OSError(errno.ENOSPC, "")])
def test_rays_own_full_disk_is_that_of_its_folder(tmp_path, error):
    with pytest.raises(OSError, match="/") as full, runner.full_disk(tmp_path):
        raise error
    assert (full.value.errno, full.value.filename) == (errno.ENOSPC, str(tmp_path))


def test_a_mistake_of_the_users_passes(tmp_path):
    with pytest.raises(RunError, match="in use"), runner.full_disk(tmp_path):
        raise RunError("in use")
