"""What a worker gets of the machine, and what is refused before Ray is started."""

import os
from pathlib import Path

import pytest

import search.ray_session as ray_session_module
from search.errors import RunError
from search.ray_session import FOLDER_PREFIX, Share, _remove_left_behind, ray_session
from search.run_lock import RunLock


@pytest.mark.parametrize(
    ("resources", "workers", "share"),
    [
        ({"CPU": 2.0}, 2, Share(cpus=1.0, gpus=0.0, threads=1)),
        ({"CPU": 16.0}, 3, Share(cpus=5.0, gpus=0.0, threads=5)),
        ({"CPU": 2.0}, 4, Share(cpus=0.5, gpus=0.0, threads=1)),
        ({"CPU": 16.0, "GPU": 1.0}, 3, Share(cpus=5.0, gpus=0.3333, threads=5)),
        ({"CPU": 16.0, "GPU": 4.0}, 2, Share(cpus=8.0, gpus=1.0, threads=8)),
    ],
)
def test_workers_times_threads_do_not_exceed_the_cores_nor_shares_the_gpus(resources, workers, share):
    assert Share.of(resources, workers) == share


def test_an_address_of_a_ray_client_is_refused():
    refused = pytest.raises(RunError, match=r"'ray://head:10001', a Ray client's, .* with --address HOST:PORT or auto")
    with refused, ray_session("ray://head:10001", 1):
        pass


def test_the_environment_is_as_before_afterwards():
    before = dict(os.environ)
    with pytest.raises(RunError), ray_session("ray://head:10001", 1):
        pass
    assert dict(os.environ) == before


def test_folders_of_killed_drivers_are_removed_and_those_of_living_ones_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(ray_session_module, "_temporary_root", lambda: tmp_path)
    dead, living, young = (tmp_path / f"{FOLDER_PREFIX}{name}" for name in ("dead", "living", "young"))
    for folder in (dead, living, young):
        (folder / "session").mkdir(parents=True)
    with RunLock(living):
        for folder in (dead, living):
            os.utime(folder, (0, 0))
        _remove_left_behind()
    assert [Path(folder).exists() for folder in (dead, living, young)] == [False, True, True]
