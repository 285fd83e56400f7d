"""A search whose database is wrong ends before anything is written, and its password stands nowhere."""

import pytest
from typer.testing import CliRunner

from search.cli.app import app
from search.config import changed_keys, load_config
from search.stages.trials import check_storage


@pytest.fixture
def refused(write_config, tmp_path):
    """Starts a search with a `search.storage` that ends it; returns its message."""

    def start(storage: str, *options: str) -> str:
        config = write_config(search={"trials": 4, "storage": storage})
        result = CliRunner().invoke(app, ["search", str(config), "--run-dir", str(tmp_path / "run"), *options])
        assert result.exit_code == 2
        assert not (tmp_path / "run").exists()
        assert result.stdout == ""
        return result.stderr

    return start


def test_a_database_that_cannot_be_opened_ends_the_search_before_anything_is_written(refused, tmp_path):
    message = refused(f"sqlite:///{tmp_path}/nowhere/search.db")
    assert message.startswith("Error: search.storage is 'sqlite:///")
    assert "which can't be opened: there is no such folder. Remove the cause, or give postgresql://user:" in message
    assert message.count("\n") == 1


def test_a_server_that_cannot_be_reached_ends_the_search_without_its_password_in_the_message(refused):
    pytest.importorskip("psycopg", reason="the driver of PostgreSQL")
    message = refused("postgresql://me:secret@127.0.0.1:1/search")
    assert message.startswith(
        "Error: search.storage is 'postgresql://me:***@127.0.0.1:1/search', which can't be opened: "
    )
    assert "Connection refused" in message
    assert "secret" not in message
    assert message.count("\n") == 1


def test_a_mistake_elsewhere_does_not_show_the_password_of_an_option(refused):
    options = ["--set", "search.storage=postgresql://me:secret@h/d", "--set", "search.trials=none"]
    message = refused("sqlite:////x.db", *options)
    assert "--set search.storage=postgresql://me:***@h/d" in message
    assert "secret" not in message


@pytest.mark.parametrize(
    ("option", "shown"),
    [
        ("search.storage=[postgresql://me:secret@h/d]", "search.storage: is ['postgresql://me:***@h/d'], must be"),
        ("search=postgresql://me:secret@h/d", "search: is 'postgresql://me:***@h/d', must be a mapping"),
        ("search.storage.url=1", "search.storage is 'postgresql://me:***@h/d', which has no keys."),
        ("search.storage=[postgresql://me:secret@h/d", "--set search.storage=[postgresql://me:***@h/d: the value"),
        ("search.storage postgresql://me:secret@h/d", "--set search.storage postgresql://me:***@h/d: must have"),
    ],
)
def test_a_storage_of_another_form_is_shown_without_its_password(refused, option, shown):
    message = refused("postgresql://me:secret@h/d", "--set", option)
    assert shown in message
    assert "secret" not in message


def test_a_password_in_the_clear_is_pointed_out_and_a_variable_stays_a_variable(
    tiny_config, recorded_progress, monkeypatch
):
    monkeypatch.setattr("search.stages.trials.check_database", lambda text: None)
    progress = recorded_progress()
    check_storage(tiny_config("search.storage=postgresql://me:${WORD}@h/d").search, progress)
    assert progress.events == []
    check_storage(tiny_config("search.storage=postgresql://me:secret@h/d").search, progress)
    assert [(kind, text[:75]) for kind, text in progress.events] == [
        ("note", "search.storage is postgresql://me:***@h/d, and the run's config.yaml keeps ")
    ]


def test_a_database_may_move(write_config):
    """The study must be there: that is checked when it is opened."""
    before, after = (
        load_config(write_config(name=name, search={"storage": f"postgresql://me@{name}/d"})) for name in ("old", "new")
    )
    assert set(changed_keys(before, after)) == {"name"}
