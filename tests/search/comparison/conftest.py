"""A working folder with a tiny config and plans over it, `bitfront compare` in a process of its own, a small run."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from search.comparison.executor import Executor
from search.controller.proposal import Done
from search.plan.plan import plan_search
from search.run.folder import read_run_folder
from search.stages.search import run_search
from trainers.scoring.scorer import Scorer

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


@pytest.fixture(scope="session")
def searched(tiny_config, tmp_path_factory):
    """A run of eight trials, scored in this process: its supernet is trained, Ray isn't started."""

    def in_process(controller, parts, *arguments, on_results, **settings):
        scorer = Scorer(parts)
        while not isinstance(proposal := controller.ask(), Done):
            on_results([controller.tell(proposal.number, scorer.score(proposal.candidate, proposal.rung))])

    space = {"granularity": "stage", "layers": {"methods": ["real", "int8", "sign"]}, "terms": {"feature_hint": {}}}
    config = tiny_config("search.trials=8", "retrain.pick=null", space=space)
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("search.stages.trials.run_trials", in_process)
        run_search(config, folder)
    return folder


@pytest.fixture
def run(searched, tmp_path):
    """A copy that a test may change."""
    return shutil.copytree(searched, tmp_path / "run")


@pytest.fixture(scope="session")
def plan(searched):
    """The plan of the run, and so of its copies: it takes half a second, and a test opens its run up to four times."""
    return plan_search(read_run_folder(searched)[1], None, begun=True)


@pytest.fixture
def planned_once(plan, monkeypatch):
    monkeypatch.setattr("search.comparison.opened.plan_search", lambda *_, **__: plan)


@pytest.fixture
def executed(planned_once, monkeypatch):
    """The jobs that are executed, with outcomes that can be worked out, by number of sign layers."""
    jobs = []

    def execute(self, job, training):
        jobs.append(job)
        signs = list(job.candidate.layers().values()).count("sign")
        map50 = 0.9 - 0.1 * signs + 0.01 * job.seed
        if training is not None:
            training.place.mkdir(parents=True)
            (training.place / "detector.safetensors").write_bytes(b"a detector")
            known = {"id": job.candidate.id, "settings": training.result_settings, "costs": {}}
            known |= {
                "test_images": self._parts.test.fingerprint(),
                "test": {"map50": map50},
                "twin_test": {"map50": 0.5},
            }
            (training.place / "figures.json").write_text(json.dumps(known))
        return {"metrics": {"map50": map50}}

    monkeypatch.setattr(Executor, "execute", execute)
    monkeypatch.setattr("results.statistics.ROUNDS", 20)
    return jobs
