"""Predictions in the trials table, and the model's error computed from it."""

import numpy as np
import pytest

from search.controller.structured.accuracy_model import JUDGED_BY, AccuracyModel
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
    taken_in = rows[:-1]  # the last score comes in when the next proposal is asked for
    latest = [row["map50"] - row["map50_predicted"] for row in taken_in[-JUDGED_BY:]]
    of_all = np.std([row["map50"] for row in taken_in])
    assert misfit == pytest.approx(np.sqrt(np.mean(np.square(latest))) / of_all)


def test_scores_that_were_nearly_equal_of_late_say_nothing_against_the_model():
    """Ten scores of 0.5, each predicted 0.01 too high; before them 0.2 and 0.4 by turns, which deviate by 0.1."""
    model = AccuracyModel(np.array([0, 1]), ())
    for i in range(10):
        model.add(np.array([1.0, i % 2]), 0.2 + 0.2 * (i % 2), 0.9)
    assert model.misfit() == pytest.approx(np.sqrt((0.7**2 + 0.5**2) / 2) / 0.1)
    for _ in range(JUDGED_BY):
        model.add(np.array([1.0, 1.0]), 0.5, 0.51)
    assert model.misfit() == pytest.approx(0.01 / np.sqrt(0.015), rel=1e-6)


def test_few_predictions_and_equal_scores_are_not_trusted():
    model = AccuracyModel(np.array([0, 1]), ())
    for score in (0.5, 0.4, 0.3, 0.2):
        model.add(np.array([1.0, 0.0]), score, score)
    assert model.misfit() == 1.0
    equal = AccuracyModel(np.array([0, 1]), ())
    for _ in range(8):
        equal.add(np.array([1.0, 0.0]), 0.5, 0.5)
    assert equal.misfit() == 1.0
