"""A search in TensorBoard: a step for each trial, over all starts."""

from fake_scorer import fake_costs

from search.controller.problem import SearchProblem
from search.run.event_files import events_in
from search.workers.search_scalars import SearchScalars
from spaces.space import Knob, SearchSpace

SPACE = SearchSpace([Knob(f"layer/b{i}", ("real", "sign")) for i in range(2)])
PROBLEM = SearchProblem(SPACE, fake_costs, ("map50", "bit_ops"), trials=60)
ROWS = [
    {"state": "complete", "map50": 0.5, "bit_ops": 512.0, "feasible": True},
    {"state": "failed", "id": "ab", "reason": "nan", "feasible": False},
    {"state": "complete", "map50": 0.25, "bit_ops": 256.0, "feasible": True},
]


def scalars(run):
    file = max((run / "tensorboard" / "search").iterdir())
    values = [(value.tag, event.step, value.simple_value) for event in events_in(file) for value in event.summary.value]
    return {tag: [(step, value) for name, step, value in values if name == tag] for tag, _, _ in values}


def test_each_trial_is_a_step_and_a_resumed_search_has_all_of_them_once(tmp_path):
    SearchScalars(tmp_path, PROBLEM, []).add(ROWS[0])
    resumed = SearchScalars(tmp_path, PROBLEM, ROWS[:2])  # a killed start recorded one more than it wrote here
    resumed.add(ROWS[2])
    found = scalars(tmp_path)
    assert found["hypervolume"] == [(1, 0.375), (2, 0.375), (3, 0.40625)]
    assert found["map50"] == [(1, 0.5), (3, 0.25)]
    assert found["failed"] == [(1, 0.0), (2, 1.0), (3, 1.0)]
    assert found["front_size"] == [(1, 1.0), (2, 1.0), (3, 2.0)]


def test_several_rungs_have_tags_of_their_own(tmp_path):
    SearchScalars(tmp_path, PROBLEM, [*ROWS[:2], ROWS[2] | {"rung": 1}], rungs=2)
    found = scalars(tmp_path)
    assert found["map50/rung_0"] == [(1, 0.5)]
    assert found["map50/rung_1"] == [(3, 0.25)]
    assert found["best/rung_1"] == [(3, 0.25)]
    assert "hypervolume" not in found
