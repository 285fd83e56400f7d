"""Seeds of an example run in processes of their own, and end together."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SEEDS = """
import sys, time
from functools import partial
from pathlib import Path
sys.path.insert(0, {examples!r})
from seeds import parsed, seed_by_seed, seed_parser, told_clearly
from search.config import ConfigError

def check(fails):
    if fails:
        raise ConfigError("wrong")

def one(seed):
    Path(str(seed)).touch()
    time.sleep(600 * seed)
    raise ConfigError("late")

with told_clearly():
    try:
        seed_by_seed(parsed(seed_parser("")), partial(check, {fails}), one)
    except ConfigError as mistake:
        sys.exit(str(mistake))
"""


def started(fails, *arguments):
    code = SEEDS.format(examples=str(ROOT / "examples"), fails=fails)
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seeds", *map(str, range(11))], "--seeds: 11 seeds were given; up to 10 are allowed."),
        (["--seeds", "0", "0"], "--seeds: one of them was given twice."),
        (["--processes", "0"], "--processes: is 0, must be at least 1."),
    ],
)
def test_a_wrong_option_is_told(arguments, message):
    process = started(False, *arguments)
    assert message in process.communicate(timeout=100)[1]
    assert process.returncode == 2


def test_no_seed_starts_when_the_check_fails(tmp_path):
    process = started(True, "--seeds", "0", "1")
    assert process.communicate(timeout=100)[1] == "wrong\n"
    assert list(tmp_path.iterdir()) == []


def test_a_seed_that_fails_ends_those_beside_and_behind_it(tmp_path):
    process = started(False, "--seeds", "1", "0", "2", "--processes", "2")
    assert process.communicate(timeout=100)[1] == "late\n"


def test_sigterm_ends_all_seeds(tmp_path):
    process = started(False, "--seeds", "1", "2", "--processes", "2")
    while not (Path("1").exists() and Path("2").exists()):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=100)[1] == "\nStopped. The same command goes on where it stopped.\n"
    assert process.returncode == 143
