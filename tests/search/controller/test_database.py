"""The record of a search in SQLite: locked, full, missing, deleted by another program; and what isn't waited for."""

import os
import sqlite3
import sys
import threading
from contextlib import closing

import optuna
import pytest
from drive_controller import drive, open_controller, score, start, untimed
from small_disk import small_disk

from search.controller import database
from search.controller.database import check_database, open_database, until_answered
from search.errors import RunError


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(database, "PAUSE_SECONDS", 0.05)


@pytest.fixture
def url(tmp_path):
    """SQLite's own wait for a lock is 5 s without the setting."""
    return f"sqlite:///{tmp_path}/search.db?timeout=0.05"


@pytest.fixture
def unbroken(tmp_path):
    controller = open_controller(tmp_path / "unbroken", 12, None)
    drive(controller)
    return untimed(controller)


def lock(tmp_path):
    """Another writer in the middle of its work."""
    writer = sqlite3.connect(tmp_path / "search.db", isolation_level=None, check_same_thread=False)
    writer.execute("BEGIN IMMEDIATE")
    return writer


def test_a_database_that_another_writer_has_locked_is_waited_for(tmp_path, url, unbroken):
    notes = []
    controller = open_controller(tmp_path / "run", 12, url, notes.append)
    with closing(lock(tmp_path)) as writer:
        release = threading.Timer(0.7, writer.execute, ["ROLLBACK"])
        release.start()
        drive(controller)
        release.join()
    assert notes[0] == ("search: the database doesn't answer (database is locked); waiting for it, 300 s at most")
    assert notes[1] == "search: the database answers again after 1 s; the search goes on"
    assert controller.records() == open_controller(tmp_path / "run", 12, url).records()
    assert untimed(controller) == unbroken


def test_a_database_that_stays_locked_ends_the_search_which_goes_on_later(tmp_path, url, unbroken, monkeypatch):
    monkeypatch.setattr(database, "PATIENCE_SECONDS", 0.2)
    controller = open_controller(tmp_path / "run", 12, url)
    with (
        closing(lock(tmp_path)),
        pytest.raises(
            RunError, match=r"^search.storage has not answered for 0 s: database is locked\. Remove the cause"
        ),
    ):
        drive(controller)
    again = open_controller(tmp_path / "run", 12, url)
    drive(again)
    assert untimed(again) == unbroken


# A process is started.
def test_a_search_killed_while_it_writes_ends_as_an_unbroken_one(tmp_path, url, unbroken):
    with start(tmp_path / "run", 12, 0.0, url) as process:
        assert process.stdout.readline() == "0 scored\n"
        process.kill()
    controller = open_controller(tmp_path / "run", 12, url)
    assert 1 <= controller.finished < 12
    drive(controller)
    assert untimed(controller) == unbroken


def test_a_full_disk_is_waited_for_too(tmp_path, unbroken, monkeypatch):
    monkeypatch.setattr(database, "PATIENCE_SECONDS", 0.2)
    with small_disk(tmp_path / "disk", "300k") as disk:
        url = f"sqlite:///{disk}/search.db"
        controller = open_controller(tmp_path / "run", 12, url)
        ballast = disk / "ballast"
        ballast.write_bytes(b"0" * _room(disk))
        with pytest.raises(RunError, match=r"has not answered for \d s: (database or disk is full|disk I/O error)\."):
            drive(controller)
        ballast.unlink()
        again = open_controller(tmp_path / "run", 12, url)
        drive(again)
        assert untimed(again) == unbroken


def _room(disk):
    stats = os.statvfs(disk)
    return stats.f_bavail * stats.f_bsize


def test_a_run_whose_study_is_gone_is_not_begun_again(tmp_path, url):
    controller = open_controller(tmp_path / "run", 12, url)
    controller.ask()
    (tmp_path / "search.db").unlink()
    for storage in (url, None):
        with pytest.raises(RunError, match=r"holds no study of this run, although the run has begun\. Give the search"):
            open_controller(tmp_path / "run", 12, storage)


def test_a_finished_run_whose_study_is_gone_is_not_begun_again(tmp_path, url):
    drive(open_controller(tmp_path / "run", 3, url))
    (tmp_path / "run/trials.parquet").touch()
    (tmp_path / "search.db").unlink()
    with pytest.raises(RunError, match="holds no study of this run"):
        open_controller(tmp_path / "run", 3, url)


def test_a_study_that_another_program_deletes_is_missed(tmp_path, url):
    controller = open_controller(tmp_path / "run", 12, url)
    proposal = controller.ask()
    optuna.delete_study(study_name=str(tmp_path / "run"), storage=url)
    with pytest.raises(
        RunError, match=r"^Another program has deleted the run's study in sqlite:///.* needs its backup\."
    ):
        controller.tell(proposal.number, score(proposal.candidate))


def test_a_missing_table_is_an_error_with_its_reason(tmp_path, url, monkeypatch):
    monkeypatch.setattr(database, "PATIENCE_SECONDS", 0.0)
    controller = open_controller(tmp_path / "run", 12, url)
    proposal = controller.ask()
    with closing(sqlite3.connect(tmp_path / "search.db")) as writer:
        writer.execute("DROP TABLE trial_params")
    with pytest.raises(RunError, match=r"no such table: trial_params\. Remove the cause"):
        controller.tell(proposal.number, score(proposal.candidate))


def test_what_waiting_does_not_mend_is_not_waited_for():
    def refused(again):
        raise optuna.exceptions.StorageInternalError("An exception.") from ValueError("too long")

    with pytest.raises(RunError, match=r"^search.storage can't be used: too long\. Remove the cause, then start the"):
        until_answered(refused, pytest.fail)


def test_the_check_makes_no_file(tmp_path, url):
    check_database(url)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(
        RunError, match=r"which can't be opened: there is no such folder\. Remove the cause, or give postgresql://"
    ):
        check_database("sqlite:////nowhere/at/all/search.db")


def test_a_file_that_is_no_database_is_refused(tmp_path, url):
    (tmp_path / "search.db").write_text("no database" * 100)
    with pytest.raises(RunError, match=r"which can't be opened: file is not a database\. Remove"):
        check_database(url)


@pytest.mark.parametrize(
    ("url", "package"),
    [
        ("postgresql://u:secret@h/d", "psycopg[binary]"),
        ("postgresql+psycopg://u:secret@h/d", "psycopg[binary]"),
        ("mysql+pymysql://u:secret@h/d", "pymysql"),
    ],
)
def test_a_missing_driver_is_one_message_with_the_command(url, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package.partition("[")[0], None)
    with pytest.raises(RunError) as refused:
        open_database(url)
    assert f'can\'t be opened: its driver is missing. Install it: pip install "{package}"' in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_path_with_braces_is_no_template(tmp_path):
    open_database(f"sqlite:///{tmp_path}/a{{b}}.db").engine.dispose()
    assert [file.name for file in tmp_path.iterdir()] == ["a{b}.db"]
