"""Trainings in two processes by Ray Train."""

import os
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from several_processes import in_processes
from torch import nn
from trained_in_processes import Fateful, Small, SmallJob

from search.errors import RunError
from search.workers.training import train_in_processes
from trainers.checkpoint import CheckpointError
from trainers.data.errors import DataError
from trainers.progress import SilentProgress
from trainers.training.loop import Task

CPU = torch.device("cpu")


HERE = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    """Ray Train's processes look for modules nowhere else."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), str(HERE.parent.parent)]))


@pytest.fixture
def job():
    torch.manual_seed(0)
    return SmallJob(nn.ModuleDict({"network": Small()}))


@pytest.fixture
def task(tmp_path):
    return Task(stage="small", seed=3, resume_from=tmp_path / "small.pt")


@pytest.fixture
def deaths(tmp_path):
    folder = tmp_path / "deaths"
    folder.mkdir()
    return folder


@pytest.fixture
def unbroken(job, blobs, recorded_progress, tmp_path):
    """The losses of each epoch, and the weights at the end, of the same training in two processes without Ray."""
    start = {name: tensor.clone() for name, tensor in job.modules.state_dict().items()}

    def work():
        progress = recorded_progress()
        job.train(blobs(8), Task(stage="small", seed=3), progress)
        return losses(progress), {name: tensor.numpy() for name, tensor in job.modules.state_dict().items()}

    (found, weights), _ = in_processes(2, work, tmp_path)
    job.modules.load_state_dict(start)
    return found, {name: torch.from_numpy(array) for name, array in weights.items()}


def losses(progress):
    """Of each epoch that was shown."""
    return [figures["loss"] for kind, *_, figures in progress.events if kind == "advance"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_killed_process_is_survived_and_the_result_is_the_unbroken_ones(
    job, task, blobs, deaths, unbroken, recorded_progress, left_running
):
    data = Fateful(blobs(8), 3, "dies", deaths)
    progress = recorded_progress()
    assert train_in_processes(job, data, task, progress, workers=2, device=CPU) == "returned"
    assert left_running() == []
    notes = [event[1] for event in progress.events if event[0] == "note"]
    assert "small: a process was lost: its process was killed or crashed. If memory ran out, lower train" in notes[1]
    assert [event[1:3] for event in progress.events if event[0] == "stage"] == [("small", 6)] * 2
    assert len(list(deaths.iterdir())) == 1
    each, weights = unbroken
    shown = losses(progress)
    assert shown[-3:] == each[3:]
    assert set(shown) == set(each)
    for name, tensor in weights.items():
        assert torch.equal(job.modules.state_dict()[name], tensor), name


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_error_of_one_process_is_raised_as_it_is(job, task, blobs, deaths, left_running):
    with pytest.raises(DataError, match=r"7\.jpg: it is truncated\. Repair or remove it"):
        train_in_processes(job, Fateful(blobs(8), 1, "bad", deaths), task, SilentProgress(), workers=2, device=CPU)
    assert left_running() == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_processes_that_are_lost_before_anything_is_saved_end_the_training(job, task, blobs, deaths, monkeypatch):
    monkeypatch.setattr("search.workers.training.FRUITLESS_STARTS", 1)
    data = Fateful(blobs(8), 0, "dies", deaths, most=9)
    with pytest.raises(RunError, match="lost in 1 starts before anything more was saved: its process was k"):
        train_in_processes(job, data, task, SilentProgress(), workers=2, device=CPU)
    assert len(list(deaths.iterdir())) == 1


def test_a_state_that_cant_be_read_is_told(job, task, blobs):
    task.resume_from.write_bytes(b"no state")
    with pytest.raises(CheckpointError, match=r"small\.pt is no training state that can be read"):
        train_in_processes(job, blobs(8), task, SilentProgress(), workers=2, device=CPU)


def test_processes_that_dont_fit_are_refused(job, task, blobs, tmp_path, monkeypatch):
    monkeypatch.setattr(SmallJob, "move", lambda self, device: None)
    monkeypatch.setattr("search.workers.training.ray_session", lambda *arguments: nullcontext(tmp_path))
    monkeypatch.setattr("search.workers.training.living_nodes", lambda: [{"CPU": 8, "GPU": 2}])
    with pytest.raises(RunError, match=r"training\.workers is 4, but the nodes have GPUs for 2, and all must run at o"):
        train_in_processes(job, blobs(8), task, SilentProgress(), workers=4, device=torch.device("cuda"))
