"""A disk that gets full while a search's record is written: nothing that was finished is lost, and it goes on."""

import errno
import re
import subprocess

import pytest
from drive_controller import drive as drive_by_itself
from drive_controller import open_controller as by_itself
from drive_controller import start, untimed
from full_disk import full_disk
from small_disk import small_disk


@pytest.mark.parametrize(("at", "finished"), [(1, 2), (2, 3)])
def test_a_record_that_is_half_written_is_cut_off_and_a_whole_one_counts(
    tmp_path, open_controller, drive, score, at, finished
):
    """Number 1 is the write, half of which arrives; number 2 the sync after it."""
    controller = open_controller()
    drive(controller, 2)
    proposal = controller.ask()
    with full_disk(tmp_path, at), pytest.raises(OSError, match="No space left") as full:
        controller.tell(proposal.number, score(proposal.candidate))
    assert full.value.filename == str(tmp_path / "run" / "journal.log")
    again = open_controller()
    assert again.finished == finished
    drive(again, 3)
    found = [row["id"] for row in open_controller().records()]
    assert len(set(found)) == len(found) == finished + 3


def test_a_proposal_that_is_half_noted_was_never_given_out(tmp_path, open_controller, drive):
    controller = open_controller()
    drive(controller, 2)
    with full_disk(tmp_path, 1), pytest.raises(OSError, match="No space left") as full:
        controller.ask()
    assert full.value.filename == str(tmp_path / "run" / "in_flight.jsonl")
    assert open_controller().ask().number == 2


# Two processes are started.
def test_a_real_disk_without_room_ends_the_search_which_goes_on_when_there_is_some(tmp_path):
    unbroken = by_itself(tmp_path / "unbroken", 40, None)
    drive_by_itself(unbroken)
    with small_disk(tmp_path / "disk", "32k") as disk:
        with start(disk / "run", 40, 0.0) as process:
            printed, said = process.communicate(timeout=100)
        assert process.returncode == 2
        assert re.fullmatch(
            rf"Error: {disk}/run/(journal.log|in_flight.jsonl) can't be used: the disk is full \(.*\n", said
        )
        assert said.count("\n") == 1
        scored = printed.count("scored")
        assert 3 < scored < 40
        subprocess.run(["mount", "-o", "remount,size=1m", str(disk)], check=True)
        with start(disk / "run", 40, 0.0) as process:
            printed, said = process.communicate(timeout=100)
        assert (process.returncode, said) == (0, "")
        assert printed.count("scored") == 40 - scored
        assert untimed(by_itself(disk / "run", 40, None)) == untimed(unbroken)


def test_a_journal_that_cannot_be_made_is_named(tmp_path, open_controller):
    with full_disk(tmp_path, 1), pytest.raises(OSError, match="No space left") as full:
        open_controller()
    assert full.value.errno == errno.ENOSPC
    assert full.value.filename.startswith(str(tmp_path / "run"))
    assert open_controller().finished == 0
