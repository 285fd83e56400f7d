"""Which candidates are trained: spread over log cost, on the front and behind it, and variants of two of them."""

from pathlib import Path

import pytest

from results import Run
from results.frame import trials_frame
from results.front import front_flags
from search.comparison.choice import choose, spread, useful, variants
from search.errors import RunError
from spaces.candidate import Candidate
from spaces.space import Knob, SearchSpace

SPACE = SearchSpace(
    [
        Knob("layer/a", ("real", "sign", "bireal")),
        Knob("layer/b", ("real", "sign", "bireal")),
        Knob("teacher/hint", ("none", "twin")),
        Knob("weight/hint", (0.1, 1.0)),
    ]
)


def run_of(*points):
    """A run whose trials have these costs and scores, and layers by turns."""
    methods = [(a, b) for a in ("real", "sign", "bireal") for b in ("real", "sign", "bireal")]
    records = []
    for number, (bit_ops, map50) in enumerate(points):
        a, b = methods[number % 9]
        candidate = Candidate({"layer/a": a, "layer/b": b, "teacher/hint": "none" if number < 9 else "twin"})
        candidate = candidate if number < 9 else candidate.replace({"weight/hint": 1.0})
        figures = {"map50": map50, "bit_ops": float(bit_ops)}
        records.append({"number": number, "id": candidate.id, "state": "complete", **candidate, **figures})
    trials = trials_frame(records, x="bit_ops", y="map50")
    trials["front"] = front_flags(trials, "bit_ops", "map50")
    return Run(Path("run"), trials)


def test_members_that_find_next_to_nothing_are_left_out():
    """A tenth of the best score, 0.4, is 0.04."""
    front = run_of((100, 0.01), (200, 0.039), (400, 0.05), (800, 0.4)).front()
    assert useful(front, "map50")["map50"].tolist() == [0.05, 0.4]
    assert len(useful(run_of((100, 0.0)).front(), "map50")) == 1


FRONT = [(100, 0.1), (200, 0.2), (400, 0.3), (800, 0.4)]
BEHIND = [(105, 0.05), (420, 0.25), (3000, 0.35)]


@pytest.mark.parametrize(
    ("costs", "count", "places"),
    [
        ([1.0, 10.0, 11.0, 100.0], 3, [0, 1, 3]),
        ([1.0, 2.0], 5, [0, 1]),
        ([1.0, 3.0, 9.0], 1, [2]),
        ([5.0, 5.0, 5.0], 2, [0, 1]),
    ],
)
def test_places_lie_evenly_on_a_log_scale_with_the_ends(costs, count, places):
    assert spread(costs, count) == places


def test_half_are_from_the_front_and_the_others_cost_the_same():
    run = run_of(*FRONT, *BEHIND)
    chosen = choose(run, 4, 0)
    costs = {str(row["id"]): row["bit_ops"] for _, row in run.trials.iterrows()}
    assert [(costs[one.candidate.id], one.role) for one in chosen] == [
        (100.0, "front"),
        (800.0, "front"),
        (105.0, "behind"),
        (420.0, "behind"),
    ]
    assert chosen == choose(run, 4, 0)
    assert len(choose(run, 20, 0)) == 7


def test_none_is_from_the_front_that_finds_next_to_nothing():
    """A tenth of the best score is 0.04. A candidate behind the front may score less: whether it can is a question."""
    run = run_of((10, 0.01), *FRONT, *BEHIND[:1], (3000, 0.02))
    costs = {str(row["id"]): row["bit_ops"] for _, row in run.trials.iterrows()}
    assert [(costs[one.candidate.id], one.role) for one in choose(run, 4, 0)] == [
        (100.0, "front"),
        (800.0, "front"),
        (105.0, "behind"),
        (3000.0, "behind"),
    ]


def test_a_member_that_finds_next_to_nothing_is_not_behind_the_front_either():
    run = run_of((10, 0.01), *FRONT, *BEHIND)
    costs = {str(row["id"]): row["bit_ops"] for _, row in run.trials.iterrows()}
    assert sorted(costs[one.candidate.id] for one in choose(run, 20, 0)) == [100, 105, 200, 400, 420, 800, 3000]
    few = run_of((10, 0.01), (20, 0.02), (40, 0.4))
    assert [one.role for one in choose(few, 3, 0)] == ["front"] * 3  # an order takes three


def test_what_no_order_can_be_made_of_is_refused():
    with pytest.raises(RunError, match=r"-n is 2, must be at least 3"):
        choose(run_of(*FRONT), 2, 0)
    with pytest.raises(RunError, match=r"run has 2 complete candidates; it takes 3\. Let its search run on\."):
        choose(run_of(*FRONT[:2]), 5, 0)


def test_variants_have_the_layers_of_two_of_the_front_and_other_teachers_or_weights():
    run = run_of(*FRONT, *BEHIND)
    chosen = choose(run, 4, 0)
    found = variants(chosen, run, SPACE, 3, 0)
    assert found == variants(chosen, run, SPACE, 3, 0)
    bases = {tuple(one.candidate.layers().items()) for one in chosen if one.role == "front"}
    assert len({one.candidate for one in (*chosen, *found)}) == len(chosen) + 3
    assert {tuple(one.candidate.layers().items()) for one in found} <= bases
    assert {one.role for one in found} == {"variant"}
    assert variants(chosen, run, SearchSpace(SPACE.knobs[:2]), 3, 0) == []
