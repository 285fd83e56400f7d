"""How the command line ends: on a user's mistake, on a bug, on Ctrl-C and SIGTERM."""

import os
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

from search.cli.app import app
from search.errors import RunError
from search.workers.installation import InstallationError
from trainers.checkpoint import CheckpointError
from trainers.data.errors import DataError
from trainers.training.finiteness import DivergedError


@pytest.fixture
def call():
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_ctrl_c_says_how_to_go_on_and_exits_with_130(call, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("search.stages.search.run_search", interrupted)
    result = call("search", "demo")
    assert result.exit_code == 130
    assert result.stderr == "\nStopped. The same command goes on where it stopped.\n"


@pytest.mark.parametrize("mistake", [RuntimeError("x"), ValueError("x"), KeyError("x"), ZeroDivisionError("x")])
def test_a_mistake_of_ours_keeps_its_traceback_and_exits_with_1(call, monkeypatch, mistake):
    def broken(*arguments):
        raise mistake

    monkeypatch.setattr("search.stages.search.run_search", broken)
    result = call("search", "demo")
    assert result.exit_code == 1
    assert result.exception is mistake


def test_the_command_line_starts_without_the_heavy_imports():
    """They take five seconds; `bitfront --help` must take less than one."""
    heavy = "{'torch', 'ray', 'optuna', 'pandas', 'matplotlib', 'pydantic'}"
    code = f"import sys, search.cli; print(sorted(sys.modules.keys() & {heavy}))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


STOP = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background was told to ignore it
from unittest.mock import MagicMock
from search.cli import app as cli
def run_search(*arguments):
    os.kill(os.getpid(), {number})
    signal.pause()
for name in ("config", "controller.objectives", "stages.search", "cli.progress", "cli.tables", "run.folder"):
    sys.modules[f"search.{{name}}"] = MagicMock()  # their imports take seconds
sys.modules["search.stages.search"].run_search = run_search
sys.argv = ["bitfront", "search", "demo", "--run-dir", "run"]
cli.main()
"""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_and_sigterm_end_a_process_with_exit_statuses_of_their_own(tmp_path, number, status):
    program = STOP.format(number=int(number))
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == status
    assert done.stderr == "\nStopped. The same command goes on where it stopped.\n"


@pytest.mark.parametrize(
    "mistake",
    [
        RunError("the run is in use"),
        InstallationError("another search"),
        CheckpointError("no checkpoint"),
        DataError("images", "there are none", "Name others"),
        DivergedError("the loss is nan"),
    ],
    ids=lambda mistake: type(mistake).__name__,
)
def test_what_a_user_can_mend_exits_with_2_and_its_message(call, monkeypatch, mistake):
    def broken(*arguments):
        raise mistake

    monkeypatch.setattr("search.stages.search.run_search", broken)
    result = call("search", "demo")
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"Error: {mistake}\n")


@pytest.mark.parametrize("module", ["search", "search.cli.app"])
def test_the_packages_are_the_command_where_its_script_is_not_on_the_path(module, tmp_path):
    def run(*arguments):
        command = [sys.executable, "-m", module, *arguments]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    right, mistaken = run("--version"), run("serch")
    assert (right.returncode, right.stdout) == (0, f"{version('bitfront')}\n")
    assert mistaken.returncode == 2
    assert "No such command 'serch'" in mistaken.stderr
