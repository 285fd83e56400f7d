"""Whether a search is at work, was stopped or has ended, by its lock and the notes of its table."""

import fcntl
import stat

import pytest

from results import RunError, open_run, write_run_tables
from results.state import is_locked


@pytest.fixture
def begun(tmp_path, records):
    """A run of which seven trials of 60 are in its tables."""
    (tmp_path / "config.yaml").touch()
    (tmp_path / "lock").touch()
    write_run_tables(tmp_path, records, x="bit_ops", y="map50", planned=60, ended=False)
    return tmp_path


def states(folder):
    run = open_run(folder)
    return run.state, run.finished, run.planned


def test_a_search_that_was_stopped_is_unfinished_also_if_it_was_killed(begun):
    assert states(begun) == ("unfinished", 7, 60)
    (begun / "lock").write_text("process 1 on here\n")  # what a killed one leaves
    assert states(begun) == ("unfinished", 7, 60)
    assert open_run(begun).front()["id"].tolist() == ["ab00000000", "bb00000000", "aa00000000"]
    assert not (begun / "front.png").exists()


def test_a_search_whose_lock_is_held_is_running(begun):
    with (begun / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("process 1 on here\n")
        lock.flush()
        assert states(begun) == ("running", 7, 60)
    assert states(begun) == ("unfinished", 7, 60)


def test_a_search_that_ended_is_finished_also_while_a_candidate_is_retrained(tmp_path, records):
    write_run_tables(tmp_path, records, x="bit_ops", y="map50")
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("process 1 on here\n")
        lock.flush()
        assert states(tmp_path) == ("finished", 7, 7)


def test_a_candidate_with_scores_at_two_rungs_counts_once(tmp_path, records):
    again = records[0] | {"rung": 1}
    write_run_tables(tmp_path, [*records, again], x="bit_ops", y="map50", planned=60, ended=False)
    assert states(tmp_path) == ("unfinished", 7, 60)


def test_looking_makes_no_file_and_needs_no_right_to_write(tmp_path):
    assert not is_locked(tmp_path)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "lock").write_text("process 1 on here\n")
    (tmp_path / "lock").chmod(stat.S_IRUSR)
    assert not is_locked(tmp_path)


def test_a_run_whose_tables_are_gone_or_damaged_says_how_they_come_back(begun):
    (begun / "trials.parquet").write_text("half")
    with pytest.raises(RunError, match=r"not readable as a trials table.*makes its tables from its record again when"):
        open_run(begun)
    (begun / "trials.parquet").unlink()
    (begun / "journal.log").write_text("{}\n")
    with pytest.raises(RunError, match=r"has a record of trials, but no trials.parquet.*Go on with it by: bitfront se"):
        open_run(begun)
    with (begun / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("process 1 on here\n")
        lock.flush()
        with pytest.raises(RunError, match=r"has no trials.parquet yet: its search is running. It appears with the"):
            open_run(begun)
