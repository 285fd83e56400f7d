import math

import pytest
import torch
from torch import nn

from spaces.cost import layer_costs
from spaces.detectors.quality import QualityPredictor
from spaces.detectors.soft_quality import SoftQualityPredictor, StatisticsGate, shape_statistics


def edges_of(*distributions):
    """The logits (1, 4 * n, 1, 1) of four distributions."""
    return torch.tensor(distributions).log().clamp(min=-50).view(1, -1, 1, 1)


HILL, FLAT, POINT, TWO = (
    (0.1, 0.2, 0.4, 0.2, 0.1),
    (0.2, 0.2, 0.2, 0.2, 0.2),
    (0.0, 0.0, 0.0, 1.0, 0.0),
    (0.5, 0.0, 0.0, 0.0, 0.5),
)


@pytest.mark.parametrize("channels_last", [False, True])
def test_four_fixed_is_the_predictor_of_gflv2_to_the_bit(channels_last):
    torch.manual_seed(0)
    published, fixed = QualityPredictor(17, 64), SoftQualityPredictor(17, 64, k_fixed=4)
    fixed.load_state_dict(published.state_dict(), strict=True)
    edges = 3 * torch.randn(2, 4 * 17, 5, 7)
    if channels_last:
        edges = edges.contiguous(memory_format=torch.channels_last)
    ours, theirs = edges.clone().requires_grad_(), edges.clone().requires_grad_()
    one, other = fixed(ours), published(theirs)
    assert torch.equal(one, other)
    one.square().sum().backward()
    other.square().sum().backward()
    assert torch.equal(ours.grad, theirs.grad)
    for name, parameter in fixed.named_parameters():
        assert torch.equal(parameter.grad, published.get_parameter(name).grad)


def test_another_number_may_be_fixed():
    predictor = SoftQualityPredictor(5, 1, k_fixed=2)
    nn.init.zeros_(predictor.reduce.weight)
    nn.init.zeros_(predictor.reduce.bias)
    nn.init.ones_(predictor.predict.weight)
    nn.init.zeros_(predictor.predict.bias)
    with torch.no_grad():
        predictor.reduce.weight[0, :3, 0, 0] = torch.tensor([1.0, 10.0, 100.0])
        assert predictor(edges_of(HILL, FLAT, POINT, TWO)).item() == pytest.approx(0.4 + 2.0 + 30.0)


@pytest.mark.parametrize("k_fixed", [0, 6, -1])
def test_more_than_all_and_fewer_than_one_are_refused(k_fixed):
    with pytest.raises(ValueError, match=f"k_fixed is {k_fixed}; an edge has 1 to 5 largest probabilities"):
        SoftQualityPredictor(5, 8, k_fixed=k_fixed)


def test_the_statistics_of_four_edges_by_hand():
    found = shape_statistics(edges_of(HILL, FLAT, POINT, TWO), bins=5)
    assert found.shape == (1, 4, 5 + 4, 1, 1)
    hill, flat, point, two = found[0, :, :, 0, 0].tolist()
    # Variance (of at most 4): 2 (0.1 * 4 + 0.2 * 1) = 1.2. From the peak, in four steps: 2 (0.1 * 2 + 0.2) = 0.8.
    entropy = -(0.2 * math.log(0.1) + 0.4 * math.log(0.2) + 0.4 * math.log(0.4)) / math.log(5)
    assert hill == pytest.approx([0.4, 0.2, 0.2, 0.1, 0.1, 0.225, 1.2 / 4, entropy, 0.8 / 4], abs=1e-6)
    assert flat[:7] == pytest.approx([0.2] * 6 + [2 / 4], abs=1e-6)
    assert flat[7] == pytest.approx(1)
    assert point == pytest.approx([1, 0, 0, 0, 0, 0.25, 0, 0, 0], abs=1e-6)
    # Half of it lies four steps from the peak, whichever end that is.
    assert two == pytest.approx([0.5, 0.5, 0, 0, 0, 0.25, 1, math.log(2) / math.log(5), 0.5], abs=1e-6)


def test_eight_of_seventeen_are_candidates_and_where_an_edge_lies_does_not_matter():
    far, near = torch.full((2, 4, 17), -80.0)
    far[:, 3:12], near[:, 6:15] = torch.randn(4, 9, generator=torch.Generator().manual_seed(0)).repeat(2, 1, 1)
    one, other = (shape_statistics(x.reshape(1, -1, 1, 1), 17) for x in (far, near))
    assert one.shape == (1, 4, 8 + 4, 1, 1)
    torch.testing.assert_close(one, other)
    torch.testing.assert_close(one[0, :, :8, 0, 0], far.softmax(-1).sort(descending=True).values[:, :8])


def test_an_even_gate_leaves_the_statistics_and_a_decided_one_keeps_a_single_one():
    statistics = shape_statistics(edges_of(HILL, FLAT, POINT, TWO), 5)
    gate = StatisticsGate(seen=5, statistics=9, hidden=8)
    nn.init.zeros_(gate.select.weight)
    nn.init.zeros_(gate.select.bias)
    torch.testing.assert_close(gate(statistics), statistics)
    with torch.no_grad():
        gate.select.bias[0] = gate.select.bias[9 + 7] = 100.0  # the first edge's largest, the second's entropy
    chosen = gate(statistics)
    expected = torch.zeros(2, 9)
    expected[0, 0], expected[1, 7] = 9 * 0.4, 9 * 1.0
    torch.testing.assert_close(chosen[0, :2, :, 0, 0], expected)
    torch.testing.assert_close(chosen[0, 2:], statistics[0, 2:])  # still even


def test_the_gate_decides_at_each_place_by_what_it_sees_there():
    gate = StatisticsGate(seen=1, statistics=2, hidden=1)
    for parameter in gate.parameters():
        nn.init.zeros_(parameter)
    with torch.no_grad():
        gate.look.weight[0, 0] = 1.0  # the first edge's first statistic
        gate.select.weight[3, 0] = math.log(3)  # prefers the second edge's second statistic, 3 to 1 where it is 1
    statistics = torch.ones(1, 4, 2, 1, 2)
    statistics[0, 0, 0, 0, 1] = 0.0
    chosen = gate(statistics)
    assert chosen[0, 1, :, 0, 0].tolist() == pytest.approx([2 / 4, 6 / 4])
    assert chosen[0, 1, :, 0, 1].tolist() == pytest.approx([1, 1])


def test_the_gradient_reaches_the_distributions_and_every_parameter():
    torch.manual_seed(0)
    predictor, edges = SoftQualityPredictor(17, 64), torch.randn(1, 4 * 17, 2, 2).requires_grad_()
    predictor(edges).sum().backward()
    assert all(p.grad.count_nonzero() for p in predictor.parameters())
    assert edges.grad.count_nonzero() == edges.numel()
    torch.testing.assert_close(edges.grad.unflatten(1, (4, 17)).sum(2), torch.zeros(1, 4, 2, 2), atol=1e-6, rtol=0)


def test_edges_without_a_doubt_have_finite_gradients():
    edges = torch.zeros(1, 4, 17)
    edges[:, :, 3] = 500.0
    edges = edges.view(1, -1, 1, 1).requires_grad_()
    SoftQualityPredictor(17, 8)(edges).sum().backward()
    assert edges.grad.isfinite().all()


@pytest.mark.parametrize(
    ("k_fixed", "macs"), [(None, 32 * 64 + 64 * 48 + 48 * 64 + 64), (4, 20 * 64 + 64), (1, 8 * 64 + 64)]
)
def test_its_operations_are_counted(k_fixed, macs):
    predictor = SoftQualityPredictor(17, 64, k_fixed)
    layers = layer_costs(predictor, torch.zeros(1, 4 * 17, 3, 5))
    assert sum(layer.macs for layer in layers) == 3 * 5 * macs
    assert sum(layer.memory_bits for layer in layers) == 32 * sum(p.numel() for p in predictor.parameters())
