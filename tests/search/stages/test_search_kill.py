"""The whole pipeline in real processes, killed at every stage or watched from another process."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest

import results
from results.columns import TIMES
from results.errors import RunError
from results.report import report_html
from search.workers.places import FOLDER_PREFIX, temporary_root

CONFIG = """
name: small
device: cpu
data: {format: shapes, image_size: 96, shapes: {train: 24, val: 12, test: 12, image_size: 96}}
student: {detector: ssd_resnet18, width: 0.125}
teachers: {twin: {epochs: 3, batch_size: 8}}
space: {granularity: stage, layers: {methods: [real, sign]}, terms: {feature_hint: {teachers: [none, twin]}}}
supernet: {epochs: 3, batch_size: 8, inputs_first_epochs: 2}
scoring: {adapt_steps: 2, batch_size: 8, recalibrate_images: 16}
search: {trials: 8, workers: 1}
retrain: {epochs: 2, batch_size: 8}
"""


def _command(config: Path, run: Path) -> list[str]:
    program = "from search.cli import main; main()"
    return [sys.executable, "-c", program, "search", str(config), "--run-dir", str(run)]


def _start(config: Path, run: Path) -> subprocess.Popen[bytes]:
    log = (run.parent / f"{run.name}.log").open("ab")
    return subprocess.Popen(
        _command(config, run),
        stdout=log,
        stderr=log,
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def _finish(config: Path, run: Path) -> None:
    process = _start(config, run)
    assert process.wait(timeout=300) == 0, (run.parent / f"{run.name}.log").read_text()


def _kill_when(config: Path, run: Path, reached: str) -> None:
    """Start the search and kill it, and all its workers, as soon as `reached` (a file, or text in the log) is there."""
    process = _start(config, run)
    try:
        while process.poll() is None:
            log = (run.parent / f"{run.name}.log").read_text()
            if (run / reached).exists() or reached in log:
                break
            time.sleep(0.02)
        assert process.poll() is None, f"the search ended before {reached!r}: {log}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _trials(run: Path) -> pd.DataFrame:
    table = results.open_run(run).trials
    return table[[column for column in table.columns if not column.startswith(("seconds_", *TIMES))]]


# Ten real searches, some with Ray's start: minutes.
@pytest.mark.slow
def test_a_search_killed_in_every_stage_ends_as_an_unbroken_one(tmp_path):
    config = tmp_path / "small.yaml"
    config.write_text(CONFIG)
    _finish(config, tmp_path / "unbroken")
    run = tmp_path / "broken"
    stages = ["lock", "teacher twin: begins", "teachers/twin.safetensors", "supernet, inputs: begins"]
    stages += ["supernet: begins", "supernet.safetensors", "in_flight.jsonl"]
    for stage in stages:
        _kill_when(config, run, stage)
    _kill_when(config, run, "retrain ")
    _finish(config, run)
    pd.testing.assert_frame_equal(_trials(run), _trials(tmp_path / "unbroken"))
    assert len(_trials(run)) == 8
    assert _trials(run)["id"].is_unique
    assert len(list((run / "retrained").glob("*/detector.safetensors"))) == 1
    before = results.open_run(run).trials  # with the seconds of every score, which a second one would change
    _finish(config, run)
    pd.testing.assert_frame_equal(results.open_run(run).trials, before)


# Two real searches with Ray's start each.
@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.5, 3.0])
def test_a_search_that_is_terminated_while_ray_starts_leaves_no_process_and_goes_on(tmp_path, seconds):
    config, run = tmp_path / "small.yaml", tmp_path / "run"
    config.write_text(CONFIG)
    process, log = _start(config, run), tmp_path / "run.log"
    while "search: starting" not in log.read_text():
        assert process.poll() is None, log.read_text()
        time.sleep(0.02)
    session = _session_of(process)
    time.sleep(seconds)
    assert process.poll() is None, log.read_text()
    process.terminate()
    assert process.wait(timeout=60) == 143
    assert log.read_text().endswith("Stopped. The same command goes on where it stopped.\n")
    deadline = time.monotonic() + 20
    while (left := _processes_of(session)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left == []
    assert not session.exists()
    _finish(config, run)
    assert len(_trials(run)) == 8


def _session_of(process: subprocess.Popen[bytes]) -> Path:
    """The folder of the process's Ray session, once its lock is held."""
    while process.poll() is None:
        for lock in temporary_root().glob(f"{FOLDER_PREFIX}*/lock"):
            if lock.read_text().startswith(f"process {process.pid} "):
                return lock.parent
        time.sleep(0.02)
    raise AssertionError("the search ended before it had a session of Ray's.")


def _processes_of(session: Path) -> list[str]:
    """The command lines of all processes that name the session's folder."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.append(file.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return [line for line in found if str(session) in line]


# One real search with Ray's start.
@pytest.mark.slow
@pytest.mark.parametrize("home", ["/dev/null/home", None])
def test_a_search_needs_no_home_folder(tmp_path, home, monkeypatch):
    (monkeypatch.delenv("HOME") if home is None else monkeypatch.setenv("HOME", home))
    config, run = tmp_path / "small.yaml", tmp_path / "run"
    config.write_text(CONFIG)
    _finish(config, run)
    assert len(_trials(run)) == 8
    assert not (run.parent / ".ray").exists()


# A real search with Ray's start: half a minute and more.
@pytest.mark.slow
def test_a_running_search_never_shows_an_error_or_a_torn_table(tmp_path: Path) -> None:
    config, run = tmp_path / "small.yaml", tmp_path / "run"
    config.write_text(CONFIG.replace("trials: 8, workers: 1", "trials: 24, workers: 2").replace("stage,", "block,"))
    process, looks, pages = _start(config, run), [], []
    try:
        while process.poll() is None:
            looks.append(_look(run))
            if looks[-1]:
                pages.append(report_html(results.open_run(run)))
            time.sleep(0.2)
    finally:
        process.kill()
    assert process.returncode == 0, (tmp_path / "run.log").read_text()
    seen = [count for count in looks if count]
    assert seen == sorted(seen)
    assert seen[0] < 24  # while it was at work
    assert _look(run) == 24
    assert all(page.rstrip().endswith("</html>") for page in pages)


def _look(run: Path) -> int:
    """How many trials the tables have; 0 before there are any, which a message says."""
    told = ""
    try:
        opened = results.open_run(run)
    except RunError as error:
        told = str(error)
    if told:
        assert re.search(r"does not exist|holds no run|yet", told)
        return 0
    history = opened.history()
    assert len(opened.trials) == len(history)
    assert opened.trials["number"].is_unique
    assert set(opened.front()["id"]) <= set(opened.trials["id"])
    assert history["hypervolume"].is_monotonic_increasing
    assert len(opened.layers()["id"].unique()) == opened.trials["id"].nunique()
    return len(opened.trials)
