"""The whole pipeline in real processes, killed at every stage: it goes on, and ends where an unbroken run ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

import results

CONFIG = """
name: small
device: cpu
data: {format: shapes, image_size: 96, shapes: {train: 24, val: 12, test: 12, image_size: 96}}
student: {detector: ssd_resnet18, width: 0.125}
teachers: {twin: {epochs: 3, batch_size: 8}}
space: {granularity: stage, layers: {methods: [real, sign]}, terms: {feature_hint: {teachers: [none, twin]}}}
supernet: {epochs: 3, batch_size: 8}
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
    return table[[column for column in table.columns if not column.startswith("seconds_")]]


# Six real searches with Ray's start each: a minute and more.
@pytest.mark.slow
def test_a_search_killed_in_every_stage_ends_as_an_unbroken_one(tmp_path):
    config = tmp_path / "small.yaml"
    config.write_text(CONFIG)
    _finish(config, tmp_path / "unbroken")
    run = tmp_path / "broken"
    stages = ["lock", "teacher twin: begins", "teachers/twin.safetensors", "supernet.safetensors", "in_flight.jsonl"]
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
