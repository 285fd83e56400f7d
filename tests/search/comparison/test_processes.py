"""Seeds of a comparison run in processes of their own, and end together."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from search.comparison.processes import check_seeds_and_workers

ROOT = Path(__file__).parents[3]
SEEDS = """
import os, sys, time
from functools import partial
from pathlib import Path
from search.cli.user_errors import user_errors
from search.comparison.processes import check_seeds_and_workers, seed_by_seed
from search.config import ConfigError
import typer

def check(fails):
    if fails:
        raise ConfigError("wrong")

def one(seed):
    Path(str(seed)).write_text(str(os.getpid()))
    time.sleep(600 * seed)
    raise ConfigError("late")

try:
    with user_errors("The same command goes on where it stopped."):
        workers, *seeds = map(int, sys.argv[1:])
        check_seeds_and_workers(seeds, workers)
        seed_by_seed(seeds, workers, partial(check, {fails}), one)
except typer.Exit as end:
    sys.exit(end.exit_code)
"""
STARTED_BY = """
import sys, time
from multiprocessing import set_start_method
from pathlib import Path
from search.comparison.processes import seed_by_seed

set_start_method(sys.argv[1])
seed_by_seed([int(sys.argv[2])], 1, Path("checked").touch, time.sleep)
"""
COMPARISON = """
import sys, time, types
slow = types.ModuleType("search.comparison.arms_check")
def check_plan(plan, seeds, overrides, data, place):
    (place / "stand_in.safetensors").touch()
    time.sleep(600)
slow.check_plan = check_plan
sys.modules["search.comparison.arms_check"] = slow
import search.comparison
search.comparison.arms_check = slow
from search.cli.app import main
main()
"""


def started(fails, *arguments):
    return script(SEEDS.format(fails=fails), *arguments)


def script(code, *arguments, **variables):
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
    )


def wait_until(happened, process):
    while not happened():
        assert process.poll() is None
        time.sleep(0.02)


def begun(*seeds):
    """Whether each wrote down its process."""
    return all(Path(seed).exists() and Path(seed).read_text() for seed in seeds)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["1", "0", "0"], "--seeds: one of them was given twice."),
        (["0", "0"], "--workers is 0, must be at least 1."),
    ],
)
def test_a_wrong_option_is_refused(arguments, message):
    process = started(False, *arguments)
    assert message in process.communicate(timeout=100)[1]
    assert process.returncode == 2


def test_any_number_of_seeds_is_allowed():
    check_seeds_and_workers(range(11), 1)


def test_no_seed_starts_when_the_check_fails(tmp_path):
    process = started(True, "1", "0", "1")
    assert process.communicate(timeout=100)[1] == "Error: wrong\n"
    assert list(tmp_path.iterdir()) == []


def test_a_seed_that_fails_ends_those_beside_and_behind_it(tmp_path):
    process = started(False, "2", "1", "0", "2")
    assert process.communicate(timeout=100)[1] == "Error: late\n"


def test_sigterm_ends_all_seeds(tmp_path):
    process = started(False, "2", "1", "2")
    wait_until(lambda: begun("1", "2"), process)
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=100)[1] == "\nStopped. The same command goes on where it stopped.\n"
    assert process.returncode == 143


def test_a_seed_that_is_killed_ends_those_beside_it_with_one_message(tmp_path):
    process = started(False, "2", "1", "2")
    wait_until(lambda: begun("1", "2"), process)
    os.kill(int(Path("1").read_text()), signal.SIGKILL)
    assert process.communicate(timeout=100)[1] == (
        "Error: A process of a seed was killed, perhaps for want of memory: try fewer --workers. "
        "The same command goes on where it stopped.\n"
    )
    with pytest.raises(ProcessLookupError):
        os.kill(int(Path("2").read_text()), 0)


def test_no_seed_outlives_a_parent_that_is_killed(tmp_path):
    """Their stderr is the parent's: it ends with the last of them."""
    process = started(False, "2", "1", "2")
    wait_until(lambda: begun("1", "2"), process)
    process.kill()
    assert process.communicate(timeout=100)[1] == ""


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_a_seed_comes_to_its_end_however_processes_start(method):
    """From Python 3.14 on a server forks them on Linux, so that their parent isn't the process that waits for them."""
    process = script(STARTED_BY, method, "2")
    assert process.communicate(timeout=100)[1] == ""
    assert process.returncode == 0


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_a_seed_that_is_no_fork_of_its_parent_does_not_outlive_it_either(method):
    process = script(STARTED_BY, method, "600")
    wait_until(Path("checked").exists, process)
    process.kill()
    process.communicate(timeout=100)


def test_a_check_that_is_stopped_leaves_no_stand_ins(tmp_path):
    (tmp_path / "temp").mkdir()
    (tmp_path / "plan.yaml").write_text("{config: demo, comparisons: {c: {arms: {x: []}}}}")
    process = script(COMPARISON, "compare", "plan.yaml", TMPDIR=str(tmp_path / "temp"))
    wait_until(lambda: list(tmp_path.glob("temp/*/stand_in.safetensors")), process)
    process.send_signal(signal.SIGTERM)
    assert "Stopped." in process.communicate(timeout=100)[1]
    assert list((tmp_path / "temp").iterdir()) == []
