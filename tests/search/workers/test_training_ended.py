"""A training in two processes by Ray Train whose command is ended from without: nothing goes on running."""

import os
import signal
import subprocess
import sys
import time

import pytest

CONFIG = """
name: endless
device: cpu
data: {format: shapes, image_size: 96, shapes: {train: 16, val: 4, test: 4, image_size: 96}}
student: {detector: ssd_resnet18, width: 0.125}
train: {layers: real, start: scratch, epochs: 100000}
training: {workers: 2}
"""
RESUME = "Stopped. The same command goes on where it stopped.\n"


# Three commands with Ray's start each, and two processes that import torch.
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("how", "whole_group", "status"),
    [(signal.SIGINT, True, 130), (signal.SIGTERM, False, 143), (signal.SIGKILL, False, -9)],
    ids=["ctrl-c", "terminated", "killed"],
)
def test_no_process_outlives_its_command(how, whole_group, status, tmp_path, left_running):
    (tmp_path / "endless.yaml").write_text(CONFIG)
    program = "from search.cli import main; main()"
    words = ["train", str(tmp_path / "endless.yaml"), "--run-dir", str(tmp_path / "run")]
    with (tmp_path / "log").open("wb") as log:
        command = subprocess.Popen(
            [sys.executable, "-c", program, *words],
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
    while not _epochs(tmp_path / "run" / "training.jsonl"):
        assert command.poll() is None, (tmp_path / "log").read_text()
        time.sleep(0.1)
    (os.killpg if whole_group else os.kill)(command.pid, how)
    assert command.wait(timeout=60) == status
    # Two of Ray's own processes tell its head that its node is lost, for a minute where the head is lost too.
    assert left_running(but="Agent") == []
    assert left_running(150 if how == signal.SIGKILL else 30) == []
    assert (tmp_path / "log").read_text().endswith(RESUME) == (how != signal.SIGKILL)


def _epochs(file):
    return file.read_text().splitlines() if file.is_file() else []
