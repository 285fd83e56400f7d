"""One driver a run."""

import os
import subprocess
import sys

import pytest

from search.errors import RunError
from search.run_lock import RunLock

HOLD = """
import pathlib, sys
from search.run_lock import RunLock
with RunLock(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_driver_is_refused_and_told_who_the_first_is(tmp_path):
    with RunLock(tmp_path), pytest.raises(RunError, match=rf"in use by process {os.getpid()} on .*--run-dir"):
        RunLock(tmp_path).__enter__()


def test_the_lock_is_free_again_after_its_end(tmp_path):
    with RunLock(tmp_path / "new"):
        pass
    with RunLock(tmp_path / "new"):
        pass


def test_a_killed_process_leaves_no_lock(tmp_path):
    holder = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(RunError, match=f"in use by process {holder.pid}"):
        RunLock(tmp_path).__enter__()
    holder.kill()
    holder.wait()
    with RunLock(tmp_path):
        pass
