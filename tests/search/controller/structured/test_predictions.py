"""Predictions in the trials table, and the model's error computed from it."""

import math

import pytest

from search.controller.structured.accuracy_model import JUDGED_BY
from search.controller.structured.predictions import prediction_columns, prediction_error


def row(number, score, predicted=None, **others):
    columns = {} if predicted is None else {"map50_predicted": predicted, "map50_predicted_sd": 0.1}
    return {"number": number, "state": "complete", "map50": score, **columns, **others}


def test_the_columns_of_a_trial():
    assert prediction_columns({"map50": [0.5, 0.01]}) == {"map50_predicted": 0.5, "map50_predicted_sd": 0.01}
    assert prediction_columns({}) == {}


def test_the_error_is_that_of_predicted_and_complete_trials_over_their_standard_deviation():
    """Scores 0.2 and 0.4 by turns deviate by 0.1; each is predicted 0.05 too low."""
    rows = [row(i, 0.2 + 0.2 * (i % 2), 0.15 + 0.2 * (i % 2)) for i in range(6)]
    random_ones = [row(i, 0.9) for i in range(6, 10)]
    failed = {"number": 10, "state": "failed", "map50_predicted": 0.9}
    assert prediction_error([*random_ones, *rows, failed]) == pytest.approx(0.5)
    assert prediction_error(rows[:4]) is None
    assert prediction_error([]) is None


def test_only_the_last_fifty_count():
    early = [row(i, 0.2 + 0.2 * (i % 2), 0.9) for i in range(30)]
    late = [row(i, 0.2 + 0.2 * (i % 2), 0.2 + 0.2 * (i % 2)) for i in range(50)]
    assert prediction_error([*early, *late]) == 0.0


def test_the_worst_of_several_accuracies_counts_and_equal_scores_have_no_error():
    rows = [
        row(
            i,
            0.2 + 0.2 * (i % 2),
            0.2 + 0.2 * (i % 2),
            ap=float(i % 2),
            ap_predicted=0.5,
            ar500=0.1,
            ar500_predicted=0.2,
        )
        for i in range(6)
    ]
    assert prediction_error(rows) == pytest.approx(1.0)
    assert prediction_error([row(i, 0.3, 0.3) for i in range(6)]) is None


def test_rows_of_a_search_have_the_predictions_and_their_error(open_controller, score):
    controller = open_controller(sampler="structured", trials=30)
    for _ in range(30):
        proposal = controller.ask()
        controller.tell(proposal.number, score(proposal.candidate))
    rows = controller.records()
    assert "map50_predicted" not in rows[0]
    assert rows[-1]["map50"] == pytest.approx(rows[-1]["map50_predicted"], abs=3 * rows[-1]["map50_predicted_sd"])
    error = prediction_error(rows)
    assert error is not None
    assert 0.0 < error < 0.5
    misfit = controller._sampler._listener._memory.misfit()
    assert math.isclose(prediction_error(rows[-JUDGED_BY:]), misfit, rel_tol=0.2)
