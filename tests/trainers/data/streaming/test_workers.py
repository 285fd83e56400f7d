"""Worker processes: what goes wrong with them is one message, and none outlives its reader."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from trainers.data.errors import DataError
from trainers.data.streaming.workers import Workers, check_shared_memory, default_workers

READER = """
import os
from trainers.data.streaming.workers import Workers
workers = Workers(lambda key: os.getpid(), 2)
for pid in workers.results(range(100), 0):
    print(pid, flush=True)
"""


def test_half_of_the_threads_work_by_default(monkeypatch):
    for threads, workers in ((1, 1), (2, 1), (4, 2), (16, 8), (64, 8)):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        assert default_workers() == workers


@pytest.mark.parametrize("count", [0, 1, 3])
def test_results_come_in_order(count):
    workers = Workers(lambda key: key * key, count)
    for _ in range(2):  # with the same processes
        assert list(workers.results(range(20), 0)) == [key * key for key in range(20)]


def test_too_small_shared_memory_is_told_with_the_way_out(monkeypatch):
    docker = shutil.disk_usage("/")._replace(free=64 * 2**20)
    monkeypatch.setattr("trainers.data.streaming.workers.shutil.disk_usage", lambda folder: docker)
    check_shared_memory(largest=10 * 2**20, count=2)  # 4 are ahead, 1 is read, 1 is made: 60 MB
    with pytest.raises(DataError) as caught:
        check_shared_memory(largest=11 * 2**20, count=2)
    text = str(caught.value)
    assert "they need up to 66 MB of shared memory, 64 MB are free in /dev/shm" in text
    assert "with 0 the main process reads its images itself (data.loader_workers" in text


# torch looks every 5 s whether its workers live.
@pytest.mark.slow
def test_a_worker_that_dies_is_told_and_the_next_pass_starts_others(tmp_path):
    def fatal(key):
        if key == 3 and not (tmp_path / "died").exists():
            (tmp_path / "died").touch()
            os.kill(os.getpid(), signal.SIGBUS)
        return key

    workers, before = Workers(fatal, 1), signal.getsignal(signal.SIGCHLD)
    with pytest.raises(DataError, match="a process that reads images ahead: it died"):
        list(workers.results(range(6), 0))
    assert signal.getsignal(signal.SIGCHLD) == before
    assert list(workers.results(range(6), 0)) == list(range(6))


def test_errors_of_the_data_keep_their_kind():
    workers = Workers(lambda key: DataError("a.jpg", "is bad"), 1)
    with pytest.raises(DataError, match=r"a\.jpg: is bad"):
        list(workers.results([1], 0))


# The import of torch takes seconds.
@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_workers_die_with_their_killed_reader():
    reader = subprocess.Popen([sys.executable, "-c", READER], stdout=subprocess.PIPE, text=True)
    pids = {int(reader.stdout.readline()) for _ in range(4)}
    assert len(pids) == 2
    reader.kill()
    reader.wait()
    reader.stdout.close()
    deadline = time.monotonic() + 2
    while (left := [pid for pid in pids if _lives(pid)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert left == []


def _lives(pid):
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
