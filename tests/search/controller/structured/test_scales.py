"""Effects add up on the accuracy's own scale or on its logarithm, whichever has the greater evidence."""

import numpy as np
import pytest

from search.controller.structured.accuracy_model import AccuracyModel
from search.controller.structured.scales import LOGARITHM, PLAIN, POINT, may_be_logarithmic

LAYERS = 8


def model_of(accuracy, count=40, seed=0, noise=1e-4):
    """The model of layers that are each 1-bit or not; the accuracy is one of the number of 1-bit layers."""
    rng, low = np.random.default_rng(seed), min(accuracy(LAYERS), 0.0)
    model = AccuracyModel(np.array([0] + [1] * LAYERS), ())
    for _ in range(count):
        one_bit = rng.random(LAYERS) < rng.random()
        score = accuracy(one_bit.sum()) + noise * rng.standard_normal()
        model.add(np.concatenate([[1.0], one_bit]), max(score, low), None)
    return model.posterior()


def test_layers_that_each_leave_a_part_of_the_accuracy_are_found_on_the_logarithm():
    """0.8 with all layers real, and three fifths of it (and of a point more) for each 1-bit layer; 0.2816 for two."""
    found = model_of(lambda n: 0.81 * 0.6**n - POINT)
    assert found.scale is LOGARITHM
    few = np.array([1.0, 1, 1] + [0] * (LAYERS - 2))
    median, sd = found.predict(few)
    assert median == pytest.approx(0.2816, abs=0.003)
    assert 0 < sd < 0.02
    assert found.accuracies(few[None] @ found.mean()) == pytest.approx(median)


def test_a_score_beyond_all_accuracies_ends_no_search():
    assert 0 < LOGARITHM.counts(1e300) == LOGARITHM.counts(1.0)
    assert 0 < LOGARITHM.counts(-1e300) == LOGARITHM.counts(0.0)


def test_what_is_left_of_dead_networks_is_noise_and_hides_nothing():
    """With all 8 layers 1-bit there is 0.002 left, and the noise is 0.01."""
    found = model_of(lambda n: 0.81 * 0.55**n - POINT if n < LAYERS else 0.002, count=60, noise=0.01)
    assert found.scale is LOGARITHM
    for one_bit in (0, LAYERS):
        median, sd = found.predict(np.array([1.0] + [1] * one_bit + [0] * (LAYERS - one_bit)))
        assert median == pytest.approx(0.81 * 0.55**one_bit - POINT, abs=0.02)
        assert 0.005 < sd < 0.02


def test_layers_that_each_cost_some_points_keep_the_plain_scale_though_the_scores_span_much():
    found = model_of(lambda n: 0.9 - 0.1 * n)
    assert found.scale is PLAIN
    assert found.predict(np.ones(1 + LAYERS))[0] == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize(
    ("least", "greatest", "expected"),
    [
        (0.0, 0.4, True),
        (0.09, 0.29, True),
        (0.1, 0.3, False),
        (0.6, 0.8, False),
        (-0.1, 0.4, False),
        (0.1, 40.0, False),
    ],
)
def test_the_logarithm_is_for_accuracies_that_span_a_factor_of_three(least, greatest, expected):
    """A point is added to both: 0.3 is three times 0.1, but 0.31 is less than three times 0.11."""
    assert may_be_logarithmic(least, greatest) is expected


@pytest.mark.parametrize("scale", [PLAIN, LOGARITHM])
def test_a_scale_gives_back_what_it_was_given_and_knows_its_slope(scale):
    for value in (0.0, 0.002, 0.3, 1.0):
        assert scale.to_accuracies(np.array([scale.of(value)])) == pytest.approx([value], abs=1e-12)
        slope = (scale.of(value + 1e-6) - scale.of(value)) / 1e-6
        assert scale.slope(value) == pytest.approx(slope, rel=1e-3)
        assert scale.counts(value) * slope**2 == pytest.approx(1.0, rel=1e-3)
    assert LOGARITHM.to_accuracies(np.array([5.0])) == pytest.approx([1.0])


def test_scores_that_are_no_accuracies_have_the_plain_scale():
    found = model_of(lambda n: -3.0 * n)
    assert found.scale is PLAIN
    assert found.predict(np.ones(1 + LAYERS))[0] == pytest.approx(-24, abs=0.1)
