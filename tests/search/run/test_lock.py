"""One driver a run."""

import fcntl
import os
import subprocess
import sys
import threading

import pytest
from full_disk import full_disk

from results.state import is_locked
from search.errors import RunError
from search.run.lock import RunLock

HOLD = """
import pathlib, sys
from search.run.lock import RunLock
with RunLock(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_driver_is_refused_and_told_who_the_first_is(tmp_path):
    with RunLock(tmp_path), pytest.raises(RunError, match=rf"in use by process {os.getpid()} on .*--run-dir"):
        RunLock(tmp_path).__enter__()


def test_who_looks_whether_a_run_is_in_use_keeps_no_driver_out(tmp_path):
    with (tmp_path / "lock").open("w") as look:
        fcntl.flock(look, fcntl.LOCK_SH)
        timer = threading.Timer(0.03, fcntl.flock, (look, fcntl.LOCK_UN))
        timer.start()
        with RunLock(tmp_path):
            assert is_locked(tmp_path)
            with pytest.raises(RunError, match="in use by process"):  # and the look took nothing away
                RunLock(tmp_path).__enter__()
        timer.join()
    assert not is_locked(tmp_path)


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


def test_what_the_lock_had_to_make_goes_with_it_unless_something_lies_there(tmp_path):
    with RunLock(tmp_path / "runs" / "one"):
        assert (tmp_path / "runs" / "one" / "lock").is_file()
    assert not list(tmp_path.iterdir())
    with RunLock(tmp_path / "runs" / "one"):
        (tmp_path / "runs" / "one" / ".hidden").touch()
    assert sorted(path.name for path in tmp_path.rglob("*")) == [".hidden", "lock", "one", "runs"]


@pytest.mark.parametrize("before", [[], ["lock"], ["lock", "config.yaml"]])
def test_a_folder_that_was_there_before_is_left_as_it_was(tmp_path, before):
    for name in before:
        (tmp_path / name).touch()
    with RunLock(tmp_path):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(before)


def test_a_lock_that_its_holder_took_away_is_no_lock(tmp_path, monkeypatch):
    """The second driver opened the file before the first one removed it: it must not hold what nobody else can see."""
    first, opened = RunLock(tmp_path / "run"), []
    first.__enter__()
    open_file = os.open

    def open_then_let_the_first_go(*arguments):
        descriptor = open_file(*arguments)
        if not opened:
            first.__exit__(None, None, None)
        opened.append(descriptor)
        return descriptor

    monkeypatch.setattr("search.run.lock.os.open", open_then_let_the_first_go)
    with RunLock(tmp_path / "run"), pytest.raises(RunError, match="in use by process"):
        RunLock(tmp_path / "run").__enter__()
    assert len(opened) == 3


@pytest.mark.parametrize(("at", "named"), [(1, "run"), (2, "run/lock")])
def test_a_lock_on_a_full_disk_leaves_nothing_and_can_be_had_afterwards(tmp_path, at, named):
    with full_disk(tmp_path, at), pytest.raises(OSError, match="No space left") as full:
        RunLock(tmp_path / "run").__enter__()
    assert full.value.filename == str(tmp_path / named)
    assert list(tmp_path.iterdir()) == []
    with RunLock(tmp_path / "run"):
        assert (tmp_path / "run" / "lock").read_text().startswith("process ")
