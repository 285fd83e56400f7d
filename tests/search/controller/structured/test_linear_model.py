"""The regression against numbers worked out by hand, and against the densities of its observations."""

import math

import numpy as np
import pytest

from search.controller.structured.evidence import RATIOS, Evidence, best_ratios
from search.controller.structured.linear_model import Sums, posterior


@pytest.fixture
def two_scores():
    """0 without the feature and 2 with it: X'X is [[2, 1], [1, 1]], the mean 1, the standard deviation 1."""
    sums = Sums(2)
    sums.add(np.array([1.0, 0.0]), 0.0)
    sums.add(np.array([1.0, 1.0]), 2.0)
    return sums


def random_sums(count, effects, noise, seed=0):
    """Scores of random rows of zeros and ones behind a one."""
    rng = np.random.default_rng(seed)
    rows = np.hstack([np.ones((count, 1)), rng.integers(0, 2, (count, len(effects)))]).astype(float)
    values = 0.5 + rows[:, 1:] @ effects + noise * rng.standard_normal(count)
    sums = Sums(rows.shape[1])
    for row, value in zip(rows, values, strict=True):
        sums.add(row, value)
    return sums, rows, values


def test_effects_of_two_scores_worked_out_by_hand(two_scores):
    """A = X'X + 1 = [[3, 1], [1, 2]] has the inverse [[2, -1], [-1, 3]] / 5, and X'y of -1 and 1 is (0, 1)."""
    model = posterior(two_scores, np.ones(2))
    np.testing.assert_allclose(model.mean(), [-0.2, 0.6])
    # What is left of y'y = 2 is 2 - 0.6; the prior adds one score that is off by 0.02.
    variance = (1.4 + 0.02**2) / 3
    mean, sd = model.predict(np.array([1.0, 1.0]))
    assert mean == pytest.approx(1 - 0.2 + 0.6)
    assert sd == pytest.approx(math.sqrt(variance * (1 + 3 / 5)))  # (1, 1) A^-1 (1, 1)' = 3 / 5


def test_draws_have_the_posteriors_mean_and_covariance(two_scores):
    model = posterior(two_scores, np.ones(2))
    rng = np.random.default_rng(0)
    np.testing.assert_allclose(model.draw(rng, spread=0.0), model.mean())
    draws = np.array([model.draw(rng) for _ in range(20_000)])
    np.testing.assert_allclose(draws.mean(0), [-0.2, 0.6], atol=0.02)
    variance = (1.4 + 0.02**2) / 3
    np.testing.assert_allclose(np.cov(draws.T), variance * np.array([[0.4, -0.2], [-0.2, 0.6]]), atol=0.02)


def test_a_score_that_counts_twice_has_the_effects_of_two():
    _, rows, values = random_sums(5, np.array([0.1, -0.2, 0.05]), noise=0.1)
    twice, both = Sums(4), Sums(4)
    for number, (row, value) in enumerate(zip(rows, values, strict=True)):
        twice.add(row, value, 2.0 if number < 2 else 1.0)
        for _ in range(2 if number < 2 else 1):
            both.add(row, value)
    expected = posterior(both, np.ones(4))
    np.testing.assert_allclose(posterior(twice, np.ones(4)).mean(), expected.mean())
    assert posterior(twice, np.ones(4)).deviation == pytest.approx(expected.deviation)
    assert posterior(twice, np.ones(4)).predict(rows[0])[0] == pytest.approx(expected.predict(rows[0])[0])


def test_effects_without_noise_are_found_as_soon_as_there_are_as_many_scores():
    sums, rows, values = random_sums(12, np.array([0.1, -0.2, 0.05]), noise=0.0)
    model = posterior(sums, np.full(4, 1e5))
    np.testing.assert_allclose(model.mean()[1:], [0.1, -0.2, 0.05], atol=1e-4)
    assert model.predict(rows[0])[0] == pytest.approx(values[0], abs=1e-4)


@pytest.mark.parametrize("by_columns", [False, True])
@pytest.mark.parametrize("counts", [np.ones(9), np.arange(1, 10) / 5])
def test_the_evidence_is_the_density_of_the_scores_whose_covariance_the_effects_make(counts, by_columns):
    """y ~ t with the scale matrix 1 + X R X'; its density's factors that don't depend on R are left out.

    X and y have the x and y of a score times the root of how often it counts.
    """
    _, rows, values = random_sums(9, np.array([0.3] + [0.0] * 9), noise=0.1)
    sums = Sums(11)
    for row, value, count in zip(rows, values, counts, strict=True):
        sums.add(row, value, count)
    assert len(sums.rows) == 9
    if by_columns:
        sums.rows.clear()
    group = np.array([0, 1] + [2] * 9)
    deviations = values - np.average(values, weights=counts)
    scaled = np.sqrt(counts) * deviations / np.sqrt((counts * np.square(deviations)).mean())
    rows = rows * np.sqrt(counts)[:, None]
    ratios = np.array([[1e6, 1.0, 0.1], [1e6, 0.0, 10.0]])
    expected = []
    for one in ratios[:, group]:
        covariance = np.eye(9) + rows @ np.diag(one) @ rows.T
        left = scaled @ np.linalg.solve(covariance, scaled) + 0.02**2
        expected.append(-0.5 * np.linalg.slogdet(covariance)[1] - 0.5 * (9 + 1) * math.log(left))
    np.testing.assert_allclose(Evidence(sums, group).log(ratios), expected, rtol=1e-6)


def test_columns_without_an_effect_change_nothing_but_the_time():
    """The ratio 0 leaves a column out: mean, draws and predictions are those of a ratio that is next to nothing."""
    sums, rows, _ = random_sums(30, np.array([0.1, -0.2, 0.05]), noise=0.1)
    without, nearly = (posterior(sums, np.array([1e6, 1.0, one, 1.0])) for one in (0.0, 1e-14))
    assert without.half.shape == (3, 3)
    np.testing.assert_allclose(without.mean(), nearly.mean(), atol=1e-6)
    draws = [one.draw(np.random.default_rng(0)) for one in (without, nearly)]
    np.testing.assert_allclose(*draws, atol=1e-6)
    assert without.predict(rows[0]) == pytest.approx(nearly.predict(rows[0]))


def test_the_evidence_leaves_out_a_group_without_an_effect_and_gives_the_other_its_scale():
    """The effects have twice the noise's standard deviation, so that their ratio is near 4."""
    rng = np.random.default_rng(1)
    effects = np.concatenate([0.2 * rng.standard_normal(20), np.zeros(20)])
    sums, _, _ = random_sums(400, effects, noise=0.1)
    ratios, _ = best_ratios(sums, np.array([0] + [1] * 20 + [2] * 20), optional=(2,))
    assert set(ratios[1:21]) <= {1.0, 10.0}
    assert set(ratios[21:]) == {0.0}
    assert min(best_ratios(sums, np.array([0] + [1] * 20 + [2] * 20))[0][21:]) == RATIOS.min()


def test_equal_scores_have_a_model_too():
    sums = Sums(2)
    for _ in range(3):
        sums.add(np.array([1.0, 1.0]), 0.3)
    assert posterior(sums, np.ones(2)).predict(np.array([1.0, 1.0]))[0] == pytest.approx(0.3)


def test_more_columns_than_a_block_have_the_effects_that_solving_at_once_gives():
    rng = np.random.default_rng(0)
    sums, rows, values = random_sums(300, rng.normal(size=119), noise=0.5)
    model = posterior(sums, np.ones(120))
    expected = np.linalg.solve(rows.T @ rows + np.eye(120), rows.T @ (values - values.mean()))
    np.testing.assert_allclose(model.mean(), expected, rtol=1e-9, atol=1e-12)
    share = rows[0] @ np.linalg.solve(rows.T @ rows + np.eye(120), rows[0])
    assert model.predict(rows[0])[1] == pytest.approx(values.std() * model.noise * math.sqrt(1 + share))
