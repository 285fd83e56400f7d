"""The record of a search in a real PostgreSQL server, which is stopped, restarted and cut off."""

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from database_proxy import DatabaseProxy
from drive_controller import OBJECTIVES, SPACE, drive, open_controller, score, start, untimed
from postgresql_server import PASSWORD

from search.controller import database
from search.controller.database import check_database
from search.controller.journal import Journal
from search.errors import RunError


@pytest.fixture(autouse=True)
def _password(monkeypatch):
    monkeypatch.setenv("SEARCH_PASSWORD", PASSWORD)
    monkeypatch.setattr(database, "PAUSE_SECONDS", 0.1)


@pytest.fixture
def unbroken(tmp_path) -> list[dict[str, object]]:
    """The rows of the same search in a journal, never interrupted."""
    controller = open_controller(tmp_path / "unbroken", 12, None)
    drive(controller)
    return untimed(controller)


# Two processes are started.
@pytest.mark.slow
def test_a_search_killed_at_random_moments_ends_as_an_unbroken_one(tmp_path, postgresql, unbroken):
    moments, run = random.Random(5), tmp_path / "run"
    for _ in range(2):
        with start(run, 12, 0.05, postgresql.url()) as process:
            assert process.stdout.readline().endswith(" scored\n")
            time.sleep(moments.uniform(0, 0.3))
            process.kill()
    controller = open_controller(run, 12, postgresql.url())
    assert 2 <= controller.finished < 12
    drive(controller)
    assert untimed(controller) == unbroken


# Two processes are started.
@pytest.mark.slow
def test_two_searches_that_start_at_once_share_an_empty_database(tmp_path, postgresql, unbroken):
    postgresql.make_database("shared")
    both = [start(tmp_path / name, 12, 0.0, postgresql.url("shared")) for name in ("one", "two")]
    for name, process in zip(("one", "two"), both, strict=True):
        _, said = process.communicate(timeout=100)
        assert (process.returncode, said) == (0, "")
        assert untimed(open_controller(tmp_path / name, 12, postgresql.url("shared"))) == unbroken


def test_a_server_that_is_gone_for_a_while_is_waited_for(tmp_path, postgresql, unbroken):
    """It is stopped with a trial in the making, and started a second later."""
    notes: list[str] = []
    controller = open_controller(tmp_path / "run", 12, postgresql.url(), notes.append)
    proposal = controller.ask()
    postgresql.stop()
    restart = threading.Timer(1.0, postgresql.start)
    restart.start()
    began = time.monotonic()
    controller.tell(proposal.number, score(proposal.candidate))
    restart.join()
    assert time.monotonic() - began >= 1.0
    assert [note.split(" (")[0].split(" after")[0] for note in notes] == [
        "search: the database doesn't answer",
        "search: the database answers again",
    ]
    assert "waiting for it, 300 s at most" in notes[0]
    drive(controller)
    assert untimed(controller) == unbroken
    assert stored_numbers(tmp_path / "run", postgresql.url()) == list(range(12))


def test_a_server_that_stays_away_ends_the_search_which_goes_on_later(tmp_path, postgresql, unbroken, monkeypatch):
    monkeypatch.setattr(database, "PATIENCE_SECONDS", 0.3)
    controller = open_controller(tmp_path / "run", 12, postgresql.url())
    first = controller.ask()
    controller.tell(first.number, score(first.candidate))
    lost = controller.ask()
    with postgresql.stopped():
        with pytest.raises(RunError, match=r"^search.storage has not answered for 0 s: .*\. Remove the cause, then"):
            controller.tell(lost.number, score(lost.candidate))
        with pytest.raises(RunError, match=r"which can't be opened: connection .* Is the server running locally"):
            open_controller(tmp_path / "run", 12, postgresql.url())
    again = open_controller(tmp_path / "run", 12, postgresql.url())
    assert again.ask() == lost
    again.tell(lost.number, score(lost.candidate))
    drive(again)
    assert untimed(again) == unbroken


@pytest.mark.parametrize("arrives", [True, False])
def test_a_trial_whose_commit_got_no_answer_is_written_once(tmp_path, postgresql, arrives):
    """The connection is cut at the commit: before the server has it, or before its answer is back."""
    with DatabaseProxy(postgresql.socket) as proxy:
        controller = open_controller(tmp_path / "run", 3, postgresql.url(socket=proxy.socket))
        for number in range(3):
            proposal = controller.ask()
            proxy.cut_next_commit(arrives=arrives)
            controller.tell(proposal.number, score(proposal.candidate))
            assert proxy.cuts == number + 1
    assert stored_numbers(tmp_path / "run", postgresql.url()) == [0, 1, 2]


def stored_numbers(run: Path, url: str) -> list[int]:
    """The numbers of all trials that stand in the study, a doubled one twice."""
    journal = Journal(run, name=str(run), space=SPACE, objectives=OBJECTIVES, storage=url)
    return [trial.user_attrs["number"] for trial in journal._study.trials]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"password": "wrong"}, "password authentication failed"),
        ({"database": "nowhere"}, 'database "nowhere" does not exist'),
        ({"socket": Path("/nowhere")}, "No such file or directory"),
    ],
)
def test_what_is_wrong_with_a_url_is_one_message_without_the_password(postgresql, change, said):
    url: Callable[..., str] = postgresql.url
    with pytest.raises(RunError) as refused:
        check_database(url(**change))
    message = str(refused.value)
    assert message.startswith("search.storage is 'postgresql://search:")
    assert "which can't be opened: connection" in message
    assert said in message
    assert "\n" not in message
    assert "wrong@" not in message
    assert PASSWORD not in message


def test_a_right_that_is_missing_is_named_before_the_search(postgresql):
    postgresql.make_database("elsewhere")
    postgresql.execute(
        "elsewhere", "REVOKE CREATE ON SCHEMA public FROM PUBLIC; CREATE ROLE guest LOGIN PASSWORD 'guest'"
    )
    with pytest.raises(RunError, match="can't be opened: permission denied for schema public"):
        check_database(postgresql.url("elsewhere").replace("search:${SEARCH_PASSWORD}", "guest:guest"))
