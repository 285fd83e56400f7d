"""A small search whose driver can be killed: a call for a process of its own."""

import os
from pathlib import Path

import ray
from fake_scorer import FakeParts, fake_costs, make_fake_scorer

from search.controller.controller import Controller
from search.controller.journal import Journal
from search.controller.problem import SearchProblem
from search.run.lock import RunLock
from search.workers.runner import run_trials
from spaces.space import Knob, SearchSpace

HERE = Path(__file__).parent
OBJECTIVES = ("map50", "bit_ops")
SPACE = SearchSpace([Knob(f"layer/b{i}", ("real", "sign", "bireal")) for i in range(6)])


def open_controller(
    run_dir: Path, trials: int, space: SearchSpace = SPACE, workers: int = 1, **settings: object
) -> Controller:
    journal = Journal(run_dir, name="killed", space=space, objectives=OBJECTIVES)
    problem = SearchProblem(space, fake_costs, OBJECTIVES, trials=trials, workers=workers)
    return Controller(problem, journal, **({"sampler": "tpe", "seed": 11} | settings))


def start_ray(address: str, **settings: object) -> None:
    """Start a Ray whose workers find the fake scorer, or join one."""
    path = os.pathsep.join([str(HERE), str(HERE.parent.parent)])
    environment = {"env_vars": {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}}
    ray.init(address, log_to_driver=False, logging_level="ERROR", runtime_env=environment, **settings)


def drive(address: str, folder: Path, log: Path, trials: int) -> None:
    """Search in the Ray at the address, or search on. Each score stands in the log."""
    start_ray(address)
    with RunLock(folder):
        run_trials(open_controller(folder, trials, rungs=2), FakeParts(seconds=0.05, log=str(log)), make_fake_scorer)
