"""A working folder with a tiny config and plans over it, and `bitfront compare` in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

TINY = """
name: tiny
device: cpu
data: {format: shapes, image_size: 96, shapes: {train: 16, val: 8, test: 8, image_size: 96}}
student: {detector: ssd_resnet18, width: 0.125}
teachers: {twin: {epochs: 1, batch_size: 8}}
train: {layers: sign, epochs: 1, batch_size: 8}
"""


@pytest.fixture(autouse=True)
def _working_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def tiny() -> Path:
    """The config tiny.yaml in the working folder."""
    file = Path("tiny.yaml")
    file.write_text(TINY)
    return file


@pytest.fixture
def plan_file(tiny: Path) -> Callable[[str], Path]:
    """Writes a plan over tiny.yaml to the working folder; returns the file."""

    def write(text: str) -> Path:
        file = Path("plan.yaml")
        file.write_text(text)
        return file

    return write


@pytest.fixture
def run_compare() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `bitfront compare` in a process of its own, with one thread."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "search", "compare", *map(str, arguments)],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        )

    return run
