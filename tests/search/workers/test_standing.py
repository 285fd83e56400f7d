"""What the progress of a search shows, with figures worked out by hand."""

import pytest
from fake_scorer import fake_costs

from search.controller.problem import SearchProblem
from search.workers.reasons import DIED, late_reason
from search.workers.standing import Standing
from spaces.space import Knob, SearchSpace
from trainers.progress import figures_text

SPACE = SearchSpace([Knob(f"layer/b{i}", ("real", "sign")) for i in range(2)])
DEAREST = 2048.0  # bit_ops of two real layers


def standing(*objectives, rungs=1):
    problem = SearchProblem(SPACE, fake_costs, objectives or ("map50", "bit_ops"), trials=60)
    notes = []
    return Standing(problem, notes.append, rungs), notes


def complete(map50, bit_ops, **rest):
    return {"state": "complete", "map50": map50, "bit_ops": bit_ops, "feasible": True, **rest}


FAILED = {"state": "failed", "id": "ab12", "reason": "the loss is nan.", "feasible": False}


def test_accuracies_hypervolume_and_failures_in_one_text():
    found, notes = standing()
    found.add([complete(0.5, DEAREST / 4), complete(0.25, DEAREST / 8), FAILED, FAILED])
    # 3/4 x 1/2, and 1/8 x 1/4 beside it
    assert figures_text(found.figures()) == "map50 0.25, best 0.5, hv 0.406, failed 2"
    assert found.scalars() == {"failed": 2, "best": 0.5, "hypervolume": 0.40625, "front_size": 2}
    assert found.candidates == 4
    assert len(notes) == 1
    assert notes[0].startswith("search: candidate ab12 failed with: the loss is nan. The reasons of all")


def test_failures_that_ended_their_worker_are_counted():
    found, _ = standing()
    found.add([FAILED, FAILED | {"reason": late_reason(30)}, FAILED | {"reason": f"{DIED}its process was killed"}])
    assert found.figures() == {"failed": 3, "deaths": 2}


def test_the_dearest_and_the_infeasible_add_no_volume_and_the_infeasible_is_never_the_best():
    found, _ = standing()
    found.add([complete(0.9, DEAREST), complete(0.95, DEAREST / 2, feasible=False)])
    assert found.figures() == {"map50": 0.95, "best": 0.9}
    assert found.scalars()["front_size"] == 1


def test_three_objectives_and_two_accuracies():
    found, _ = standing("map50", "bit_ops", "ap75")
    found.add([complete(0.5, DEAREST / 4, ap75=0.2)])
    assert found.figures()["hv"] == pytest.approx(0.5 * 0.75 * 0.2)


@pytest.mark.parametrize(("objective", "shown"), [("map50", {"map50": 0.5, "best": 0.5}), ("bit_ops", {})])
def test_a_single_objective_has_no_volume(objective, shown):
    found, _ = standing(objective)
    found.add([complete(0.5, DEAREST / 4)])
    assert found.figures() == shown


def test_the_models_error_is_that_of_the_latest_predictions():
    found, _ = standing()
    for n in range(6):  # scores alternate between 0.4 and 0.6, and so their sd is 0.1; each is missed by 0.05
        score = 0.4 + 0.2 * (n % 2)
        found.add([complete(score, 1.0, map50_predicted=score + 0.05)])
    assert found.figures()["model error"] == "50%"
    assert found.scalars()["model_error"] == pytest.approx(0.5)


def test_a_models_error_among_scores_that_hardly_differ_is_not_shown_to_the_digit():
    found, _ = standing()
    for n in range(6):
        found.add([complete(0.002 + 1e-5 * n, 1.0, map50_predicted=0.1)])
    assert found.figures()["model error"] == "over 1000%"
    assert found.scalars()["model_error"] > 1000


def test_each_rung_has_a_front_and_the_highest_is_shown():
    found, _ = standing(rungs=3)
    found.add([complete(0.5, DEAREST / 4, rung=0), complete(0.3, DEAREST / 2, rung=0)])
    assert figures_text(found.figures()) == "best 0.5, hv 0.375, promoted 0/0"
    found.add([complete(0.6, DEAREST / 4, rung=1), complete(0.4, DEAREST / 4, rung=0)])
    assert figures_text(found.figures()) == "best 0.6, hv 0.45, promoted 1/0"
    assert found.candidates == 3
    assert found.scalars()["hypervolume/rung_0"] == 0.375
    assert found.scalars()["best/rung_1"] == 0.6


def test_a_line_of_a_long_search_fits_into_100_columns():
    figures = {"map50": 0.3838, "best": 0.4897, "hv": 0.412, "model error": "35%", "failed": 12}
    assert len(f"search: 1234 of 3000, 12.5 h left, {figures_text(figures)}") <= 100
    figures = {"best": 0.4897, "hv": 0.412, "model error": "35%", "failed": 12, "promoted": "40/13"}
    assert len(f"search: 123 of 600, 12.5 h left, {figures_text(figures)}") <= 100
