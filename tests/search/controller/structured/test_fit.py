"""The fit to all scores: against least squares, against refits, and how often its errors hold."""

import numpy as np
import pytest

from search.controller.structured import fit as module
from search.controller.structured.fit import FEWEST_SCORES, Fit
from search.controller.structured.linear_model import Sums, posterior
from search.controller.structured.scales import LOGARITHM, PLAIN, POINT

ONE_FEATURE = np.array([0, 1])
"""The groups of an intercept and a feature."""


def designed(count, seed=0):
    """Rows of zeros and ones behind a one: three features of two groups."""
    rng = np.random.default_rng(seed)
    rows = np.hstack([np.ones((count, 1)), rng.integers(0, 2, (count, 3))]).astype(float)
    return rows, np.array([0, 1, 1, 2]), rng


def test_with_many_scores_effects_and_errors_are_those_of_two_means():
    """50 scores of 0.40 and 0.42 without the feature, 50 of 0.50 and 0.52 with it."""
    rows = np.stack([np.ones(100), np.repeat([0.0, 1.0], 50)], axis=1)
    scores = np.tile([0.40, 0.42], 50) + np.repeat([0.0, 0.1], 50)
    fit = Fit(rows, list(scores), ONE_FEATURE)
    feature, reference = np.array([[0.0, 1.0]]), np.array([[1.0, 0.0]])
    change, error = fit.changes(feature, reference)
    assert change == pytest.approx(0.1, abs=2e-4)
    assert fit.accuracies(reference) == pytest.approx(0.41, abs=2e-4)
    # Each score lies 0.01 beside the mean of its 50: a mean's error is 0.01 / sqrt(50), a difference's sqrt(2) of it.
    assert fit.noise == pytest.approx(0.01, rel=0.02)
    assert fit.errors(reference) == pytest.approx(0.01 / np.sqrt(50), rel=0.03)
    assert error == pytest.approx(0.01 * np.sqrt(2 / 50), rel=0.03)
    assert fit.scale is PLAIN


def test_with_many_scores_the_effects_are_those_of_least_squares():
    rows, group, rng = designed(400)
    scores = rows @ [0.5, -0.02, 0.03, 0.02] + 0.01 * rng.standard_normal(400)
    fit = Fit(rows, list(scores), group)
    effects, [squares], *_ = np.linalg.lstsq(rows, scores, rcond=None)
    errors = np.sqrt(squares / 396) * np.sqrt(np.diagonal(np.linalg.inv(rows.T @ rows)))
    changes, of_changes = fit.changes(np.eye(4)[1:], rows[:3])
    np.testing.assert_allclose(changes, effects[1:], atol=0.2 * errors[1:].min())
    np.testing.assert_allclose(of_changes, errors[1:], rtol=0.03)
    np.testing.assert_allclose(fit.accuracies(rows), rows @ effects, atol=0.2 * errors.min())


def test_the_explained_share_is_that_of_refits_without_each_score(monkeypatch):
    """One prior variance alone, so that each refit has that of the fit."""
    monkeypatch.setattr(module, "RATIOS", np.ones(1))
    monkeypatch.setattr(module, "PRIOR", np.zeros(1))
    rows, group, rng = designed(12)
    scores = rows @ [0.5, -0.02, 0.03, 0.0] + 0.01 * rng.standard_normal(12)
    ratios = np.array([module.WIDE, 1.0, 1.0, 1.0])
    deviations = []
    for left in range(12):
        sums = Sums(4)
        for i in range(12):
            if i != left:
                sums.add(rows[i], scores[i])
        deviations.append(scores[left] - posterior(sums, ratios).predict(rows[left])[0])
    expected = 1 - np.square(deviations).sum() / np.square(scores - scores.mean()).sum()
    assert Fit(rows, list(scores), group).r2_left_out == pytest.approx(expected, abs=1e-4)


def test_choices_that_each_leave_a_part_are_changes_of_the_reference_network():
    """0.8 without, and 0.6, 0.5 and 0.9 of it (and of a point more) with each of three features; noise 0.005."""
    rows, group, rng = designed(200)
    left = np.array([0.6, 0.5, 0.9])
    scores = 0.81 * np.prod(np.where(rows[:, 1:] > 0, left, 1.0), axis=1) - POINT + 0.005 * rng.standard_normal(200)
    fit = Fit(rows, list(scores), group)
    assert fit.scale is LOGARITHM
    none, two = np.array([1.0, 0, 0, 0]), np.array([1.0, 1, 0, 0])
    changes, errors = fit.changes(np.eye(4)[1:], np.tile(none, (3, 1)))
    np.testing.assert_allclose(changes, 0.81 * (left - 1.0), atol=0.004)
    # To first order, with the noise's 0.005: errors of least squares on accuracies, at the true effects.
    slopes = (scores + POINT)[:, None] * rows
    covariance = 0.005**2 * np.linalg.inv(slopes.T @ slopes)
    gradients = 0.81 * (left[:, None] * (none + np.eye(4)[1:]) - none)
    expected = np.sqrt(np.einsum("ij,jk,ik->i", gradients, covariance, gradients))
    np.testing.assert_allclose(errors, expected, rtol=0.15)
    np.testing.assert_allclose(fit.changes(np.eye(4)[2:3], two[None])[0], 0.81 * 0.6 * (0.5 - 1.0), atol=0.004)
    assert fit.accuracies(np.stack([none, two])) == pytest.approx([0.80, 0.476], abs=0.004)
    assert fit.accuracies(np.array([[1.0, 20, 20, 20]])).tolist() == [0.0]
    assert fit.noise == pytest.approx(0.005, rel=0.15)
    assert fit.r2_left_out > 0.99


def test_of_choices_that_multiply_mild_ones_lie_within_two_errors_and_deadly_ones_are_shown_too_mild():
    """20 searches of 60 scores, noise 0.01. The last choice leaves a tenth of 0.81, which is a change of -0.729."""
    left = np.array([0.5, 0.7, 0.8, 0.9, 0.95, 0.97, 0.9, 0.85, 0.6, 0.3, 0.03, 0.1])
    within, deadly = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        rows = np.hstack([np.ones((60, 1)), rng.random((60, 12)) < rng.random((60, 1))]).astype(float)
        scores = 0.81 * np.prod(np.where(rows[:, 1:] > 0, left, 1.0), axis=1) - POINT + 0.01 * rng.standard_normal(60)
        fit = Fit(rows, list(np.maximum(scores, 0.0)), np.array([0] + [1] * 12))
        assert fit.scale is LOGARITHM
        changes, errors = fit.changes(np.eye(13)[1:], np.tile(np.eye(13)[0], (12, 1)))
        off = changes - 0.81 * (left - 1.0)
        within += list(np.abs(off[:9]) < 2 * errors[:9])
        deadly.append(off[-1])
    assert np.mean(within) >= 0.95
    assert 0.05 < np.mean(deadly) < 0.12


def test_a_score_left_out_on_the_logarithm_is_predicted_as_without_it(monkeypatch):
    """One prior variance alone, which leaves effects free, so that each refit has that of the fit."""
    monkeypatch.setattr(module, "RATIOS", np.full(1, 1e4))
    monkeypatch.setattr(module, "PRIOR", np.zeros(1))
    rows, group, rng = designed(14)
    scores = 0.8 * 0.4 ** rows[:, 1:].sum(1) + 0.004 * rng.random(14)
    fit = Fit(rows, list(scores), group)
    assert fit.scale is LOGARITHM
    without = []
    for left in range(14):
        sums = Sums(4)
        for i in range(14):
            if i != left:
                sums.add(rows[i], LOGARITHM.of(scores[i]), LOGARITHM.counts(scores[i]))
        one = posterior(sums, np.array([module.WIDE, 1e4, 1e4, 1e4]))
        without.append(float(LOGARITHM.to_accuracies(one.offset + rows[left] @ one.mean())))
    expected = 1 - np.square(scores - without).sum() / np.square(scores - scores.mean()).sum()
    assert fit.r2_left_out == pytest.approx(expected, abs=1e-3)


def test_equal_scores_have_no_effects_and_nothing_is_explained():
    rows, group, _ = designed(8)
    fit = Fit(rows, [0.25] * 8, group)
    np.testing.assert_allclose(fit.changes(np.eye(4)[1:], rows[:3])[0], 0.0, atol=1e-12)
    np.testing.assert_allclose(fit.accuracies(rows), 0.25)
    assert fit.r2_left_out == 0.0


def test_the_same_scores_have_the_same_fit():
    rows, group, rng = designed(10)
    scores = list(rng.random(10))
    one, other = Fit(rows, scores, group), Fit(rows, scores, group)
    np.testing.assert_array_equal(one.errors(rows), other.errors(rows))
    np.testing.assert_array_equal(one.accuracies(rows), other.accuracies(rows))


def test_too_few_scores_are_refused():
    rows, group, _ = designed(FEWEST_SCORES - 1)
    with pytest.raises(ValueError, match="A fit needs 6 scores or more, got 5"):
        Fit(rows, [0.5] * 5, group)
