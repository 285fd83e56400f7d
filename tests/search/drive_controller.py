"""A search without Ray and torch, to be killed: `python drive_controller.py RUN_DIR TRIALS SECONDS [STORAGE]`.

A score takes SECONDS. Prints `N scored` for each trial that it scored, where N is the trial's number.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import typer

from results.columns import TIMES
from search.cli.user_errors import user_errors
from search.controller.controller import Controller, Done
from search.controller.journal import Journal
from search.controller.problem import SearchProblem
from search.run.lock import RunLock
from spaces.candidate import Candidate
from spaces.space import Knob, SearchSpace

OBJECTIVES = ("map50", "bit_ops")
SPACE = SearchSpace([Knob(f"layer/b{i}", ("real", "sign", "bireal")) for i in range(6)])


def costs(candidate: Candidate) -> dict[str, float]:
    """bit_ops is 1024 a real layer and 1 another."""
    real = list(candidate.layers().values()).count("real")
    return {"bit_ops": 1024.0 * real + 6 - real}


def score(candidate: Candidate) -> SimpleNamespace:
    """map50 is 0.9 less 0.05 a sign layer."""
    return SimpleNamespace(metrics={"map50": 0.9 - 0.05 * list(candidate.layers().values()).count("sign")}, seconds={})


def open_controller(run_dir: Path, trials: int, storage: str | None, note: object = None) -> Controller:
    """The study is called after the folder, so that a database can have several."""
    journal = Journal(run_dir, name=str(run_dir), space=SPACE, objectives=OBJECTIVES, storage=storage, note=note)
    problem = SearchProblem(SPACE, costs, OBJECTIVES, trials=trials)
    return Controller(problem, journal, sampler="nsga2", seed=11)


def untimed(controller: Controller) -> list[dict[str, object]]:
    """The records without the times of day, in which two searches that do the same differ."""
    return [{name: value for name, value in row.items() if name not in TIMES} for row in controller.records()]


def start(run_dir: Path, trials: int, seconds: float, *storage: str, **settings: object) -> subprocess.Popen[str]:
    """Start this module as a process of its own."""
    here = Path(__file__).resolve()
    path = os.pathsep.join([str(here.parents[2]), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, str(here), str(run_dir), str(trials), str(seconds), *storage]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}, **(streams | settings))


def drive(controller: Controller, seconds: float = 0.0) -> None:
    while not isinstance(proposal := controller.ask(), Done):
        time.sleep(seconds)
        controller.tell(proposal.number, score(proposal.candidate))
        sys.stdout.write(f"{proposal.number} scored\n")
        sys.stdout.flush()


if __name__ == "__main__":
    folder, count, pause = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    try:
        with user_errors(), RunLock(folder):
            drive(open_controller(folder, count, *(sys.argv[4:] or [None]), sys.stderr.write), pause)
    except typer.Exit as ended:
        sys.exit(ended.exit_code)
