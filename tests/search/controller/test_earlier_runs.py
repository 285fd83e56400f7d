"""A run that an earlier version wrote, with 13 finished trials and one in flight, goes on as that version would have.

The files are as 0.1.0.dev wrote them: generations among Optuna's system attributes, no metric names.
"""

import json
import shutil
from pathlib import Path

import pytest

from spaces.space import Knob, SearchSpace

EARLIER = Path(__file__).parent / "earlier_runs"


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_a_run_of_an_earlier_version_is_resumed_with_the_same_proposals(sampler, tmp_path, open_controller, drive):
    shutil.copytree(EARLIER / sampler, tmp_path / "run")
    layers = [Knob(f"layer/b{i}", ("real", "sign", "bireal")) for i in range(3)]
    space = SearchSpace([*layers, Knob("teacher/hint", ("none", "twin")), Knob("weight/hint", (0.1, 1.0, 10.0))])
    controller = open_controller(space=space, sampler=sampler, trials=24, seed=3, constraints={"ops": 40.0})
    assert controller.finished == 13
    proposed = drive(controller)
    assert [number for number, _ in proposed] == list(range(13, 24))
    expected = json.loads((EARLIER / "proposed.json").read_text())[sampler]
    assert [row["id"] for row in controller.records()] == expected
    assert len(expected) == 24
