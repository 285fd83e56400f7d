"""A disk that gets full while a search's record is written: nothing that was finished is lost, and it goes on."""

import errno
import sqlite3

import pytest
from full_disk import full_disk
from optuna.exceptions import StorageInternalError

from search.controller.journal import Journal
from search.errors import RunError


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


def test_a_database_on_a_full_disk_is_a_message(tmp_path, space, monkeypatch):
    storage = f"sqlite:///{tmp_path / 'search.db'}"
    journal = Journal(tmp_path, name="run", space=space, objectives=("map50", "bit_ops"), storage=storage)

    def full(trial):
        raise StorageInternalError("An exception is raised.") from sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(journal._study, "add_trial", full)
    with pytest.raises(RunError, match=r"^search\.storage can't be written to: database or disk is full\. Remove the"):
        journal.append(None)


def test_a_journal_that_cannot_be_made_is_named(tmp_path, open_controller):
    with full_disk(tmp_path, 1), pytest.raises(OSError, match="No space left") as full:
        open_controller()
    assert full.value.errno == errno.ENOSPC
    assert full.value.filename.startswith(str(tmp_path / "run"))
    assert open_controller().finished == 0
