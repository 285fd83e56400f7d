"""A driver in a process of its own, to be killed: `python drive_search.py RUN_DIR SCORE_LOG TRIALS`."""

import sys
from pathlib import Path

from fake_scorer import FakeParts, fake_costs, make_fake_scorer

from search.controller.controller import Controller
from search.controller.journal import Journal
from search.run.lock import RunLock
from search.workers.runner import run_trials
from spaces.space import Knob, SearchSpace

OBJECTIVES = ("map50", "bit_ops")
SPACE = SearchSpace([Knob(f"layer/b{i}", ("real", "sign", "bireal")) for i in range(6)])


def open_controller(run_dir: Path, trials: int, space: SearchSpace = SPACE, **settings: object) -> Controller:
    journal = Journal(run_dir, name="killed", space=space, objectives=OBJECTIVES)
    chosen = {"objectives": OBJECTIVES, "costs": fake_costs, "sampler": "tpe", "seed": 11}
    return Controller(space, journal, trials=trials, **(chosen | settings))


if __name__ == "__main__":
    folder, log, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    with RunLock(folder):
        run_trials(open_controller(folder, count), FakeParts(seconds=0.1, log=log), make_fake_scorer)
