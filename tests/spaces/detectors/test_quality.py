import math

import pytest
import torch
from torch import nn

from spaces.detectors.quality import QualityPredictor, distribution_statistics, joint_logits


def edges_of(*distributions):
    """The logits (1, 4 * n, 1, 1) of four distributions."""
    return torch.tensor(distributions).log().clamp(min=-50).view(1, -1, 1, 1)


HILL, FLAT, POINT, TWO = (
    (0.1, 0.2, 0.4, 0.2, 0.1),
    (0.2, 0.2, 0.2, 0.2, 0.2),
    (0.0, 0.0, 0.0, 1.0, 0.0),
    (0.5, 0.0, 0.0, 0.0, 0.5),
)


def test_the_four_largest_probabilities_of_each_edge_and_their_mean():
    found = distribution_statistics(edges_of(HILL, FLAT, POINT, TWO), bins=5)
    assert found.shape == (1, 4 * 5, 1, 1)
    expected = [
        *(0.4, 0.2, 0.2, 0.1, 0.225),
        *(0.2, 0.2, 0.2, 0.2, 0.2),
        *(1, 0, 0, 0, 0.25),
        *(0.5, 0.5, 0, 0, 0.25),
    ]
    assert found.flatten().tolist() == pytest.approx(expected, abs=1e-6)


def test_where_an_edge_lies_does_not_matter():
    shifted = edges_of(HILL[1:] + HILL[:1], FLAT, (1.0, 0.0, 0.0, 0.0, 0.0), TWO)
    torch.testing.assert_close(
        distribution_statistics(shifted, 5), distribution_statistics(edges_of(HILL, FLAT, POINT, TWO), 5)
    )


def test_each_place_speaks_for_itself():
    both = torch.cat([edges_of(HILL, FLAT, POINT, TWO), edges_of(TWO, POINT, FLAT, HILL)], dim=3)
    found = distribution_statistics(both, 5)
    assert found.shape == (1, 20, 1, 2)
    assert found[0, :5, 0, 1].tolist() == pytest.approx([0.5, 0.5, 0, 0, 0.25], abs=1e-6)


def test_a_predictor_by_hand():
    predictor = QualityPredictor(bins=5, hidden=2)
    for parameter in predictor.parameters():
        nn.init.zeros_(parameter)
    with torch.no_grad():
        predictor.reduce.weight[0, 0] = 2.0  # twice the first edge's largest probability
        predictor.reduce.weight[1, 5] = -3.0  # negative: the ReLU takes it
        predictor.predict.weight[0] = torch.tensor([10.0, 7.0]).view(2, 1, 1)
        predictor.predict.bias[0] = -1.0
        assert predictor(edges_of(HILL, FLAT, POINT, TWO)).item() == pytest.approx(10 * 2 * 0.4 - 1)


def test_the_published_predictor_has_20_numbers_in_and_64_between():
    predictor = QualityPredictor(bins=17, hidden=64)
    assert (predictor.reduce.weight.shape, predictor.predict.weight.shape) == ((64, 20, 1, 1), (1, 64, 1, 1))
    assert predictor(torch.randn(2, 4 * 17, 3, 5)).shape == (2, 1, 3, 5)


def test_the_gradient_of_a_quality_reaches_the_distributions():
    edges = edges_of(HILL, HILL, HILL, HILL).requires_grad_()
    distribution_statistics(edges, 5)[0, 0].sum().backward()
    p = torch.tensor(HILL)
    expected = -p[2] * p
    expected[2] += p[2]  # of a softmax's largest entry
    torch.testing.assert_close(edges.grad.flatten()[:5], expected)


@pytest.mark.parametrize(
    ("cls", "quality", "expected"),
    [
        (0.0, 0.0, math.log(1 / 3)),  # a half of a half: 1 to 3
        (math.log(3), math.log(4), math.log(0.6 / 0.4)),  # 3/4 of 4/5
        (200.0, 0.0, 0.0),
        (0.0, 200.0, 0.0),
        (200.0, 200.0, 200 - math.log(2)),
        (-200.0, -200.0, -400.0),
        (-200.0, 200.0, -200.0),
    ],
)
def test_a_joint_logit_is_that_of_the_product_of_both_probabilities(cls, quality, expected):
    found = joint_logits(torch.tensor([cls], dtype=torch.double), torch.tensor([quality], dtype=torch.double))
    assert found.item() == pytest.approx(expected, abs=1e-9)


def test_joint_logits_spread_one_quality_over_all_classes():
    cls, quality = torch.randn(2, 7, 3), torch.randn(2, 7, 1)
    torch.testing.assert_close(joint_logits(cls, quality).sigmoid(), cls.sigmoid() * quality.sigmoid())
