import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from results.frame import trials_frame
from results.front import front_flags, front_rows, knee_id
from results.pareto import pareto_mask


@pytest.fixture
def trials(records):
    return trials_frame(records, x="bit_ops", y="map50")


def test_both_trials_of_an_equal_point_are_flagged_but_failed_and_infeasible_ones_are_not(trials):
    assert front_flags(trials, "bit_ops", "map50").tolist() == [True, True, True, True, False, False, False]


def test_the_front_has_one_row_a_point_sorted_by_cost_with_the_earliest_trial(trials):
    front = front_rows(trials, "bit_ops", "map50")
    assert front["id"].tolist() == ["ab00000000", "bb00000000", "aa00000000"]
    assert front.index.tolist() == [0, 1, 2]


def test_the_front_shows_axes_and_id_first_then_figures_then_knobs(trials):
    assert list(front_rows(trials, "ops", "map50_11").columns) == [
        *["ops", "map50_11", "id", "map50", "bit_ops", "memory_bits"],
        *["layer/stem", "layer/block.0", "teacher/hint", "weight/hint"],
    ]


def test_the_knee_is_the_point_farthest_above_the_chord(trials):
    # Between 100 and 1000, 400 is 0.60 of the way on a log scale; between 0.30 and 0.70, 0.66 is 0.90 of it.
    assert knee_id(front_rows(trials, "bit_ops", "map50"), "bit_ops", "map50") == "bb00000000"


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9), st.booleans(), st.booleans()), max_size=12))
def test_the_front_is_the_pareto_set_of_the_trials_that_may_be_on_it(drawn):
    records = [
        {
            "number": number,
            "id": f"{number:04x}",
            "state": "complete" if complete else "failed",
            "bit_ops": cost,
            "map50": accuracy / 10,
            "feasible": feasible,
        }
        for number, (cost, accuracy, complete, feasible) in enumerate(drawn)
    ]
    front = front_rows(trials_frame(records, x="bit_ops", y="map50"), "bit_ops", "map50")
    allowed = [(cost, accuracy / 10) for cost, accuracy, complete, feasible in drawn if complete and feasible]
    points = np.reshape(allowed, (-1, 2))
    expected = np.unique(points[pareto_mask(points * [1, -1])], axis=0)
    assert front[["bit_ops", "map50"]].to_numpy().tolist() == expected.tolist()
    assert front["map50"].is_monotonic_increasing
