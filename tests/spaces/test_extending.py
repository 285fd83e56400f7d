"""The layer methods of docs/how-to/extending.md, as they stand there."""

import pytest
import torch
from doc_snippets import snippet_names

from spaces.candidate import Candidate
from spaces.cost import layer_costs
from spaces.detectors import DetectorSpec, searchable_units, traced
from spaces.layers import METHODS
from spaces.layers.methods import Method
from spaces.supernet import build_fixed


@pytest.fixture
def scaled():
    with snippet_names('METHODS["scaled"]') as names:
        yield names


@pytest.fixture
def approx_weights():
    with snippet_names('METHODS["approx_weights"]') as names:
        yield names


def test_the_pages_method_trains_and_costs_in_a_detector(scaled, images, targets):
    spec = DetectorSpec(detector="ssd_resnet18", num_classes=3, image_size=96, width=0.125)
    network = build_fixed(spec, Candidate({"layer/backbone": "scaled"}))
    sum(network(images, targets).losses.values()).backward()
    factors = [p for name, p in network.named_parameters() if name.endswith("alternatives.scaled.factor")]
    assert len(factors) == 16
    assert all(p.grad.count_nonzero() > 0 for p in factors)
    costs = [layer for layer in layer_costs(network, [torch.zeros(3, 96, 96)]) if layer.method == "scaled"]
    assert {layer.weight_bits for layer in costs} == {32}
    assert len(costs) == 16


def test_the_pages_weight_rule_has_the_gradient_of_its_docstring(approx_weights):
    rule = approx_weights["ApproxSignWeights"]()
    weight = torch.tensor([0.5, -0.25, 1.5, -0.75]).view(1, 4, 1, 1)  # mean magnitude 3/4
    assert rule.effective(weight, None).flatten().tolist() == [0.75, -0.75, 0.75, -0.75]
    gradient, of_scale = rule.gradients(torch.full_like(weight, 2.0), weight, None, rule.effective(weight, None))
    assert gradient.flatten().tolist() == [2.0, 3.0, 0.0, 1.0]  # 2 (2 - 2|w|), and 0 beyond 1
    assert of_scale is None


def test_the_pages_weight_rule_gives_layer_terms_signs_with_the_same_slope(approx_weights):
    weight = torch.tensor([0.5, -0.25, 1.5, -0.75]).view(1, 4, 1, 1).requires_grad_()
    signs = approx_weights["ApproxSignWeights"]().signs(weight)
    (2 * signs).sum().backward()
    assert signs.flatten().tolist() == [1.0, -1.0, 1.0, -1.0]
    assert weight.grad.flatten().tolist() == [2.0, 3.0, 0.0, 1.0]


def test_the_pages_1_bit_method_trains_and_costs_one_bit_in_a_detector(approx_weights, spec, images, targets):
    network = build_fixed(spec, Candidate({"layer/backbone": "approx_weights"}))
    with traced(network):
        output = network(images, targets)
    sum(output.losses.values()).backward()
    units = [unit for unit in searchable_units(network).values() if unit.active == "approx_weights"]
    assert len(units) == 16
    assert len(output.layers) == 16
    assert all(unit.is_binary and unit.weight.grad.count_nonzero() > 0 for unit in units)
    costs = [layer for layer in layer_costs(network, [torch.zeros(3, 96, 96)]) if layer.method == "approx_weights"]
    assert [(layer.weight_bits, layer.input_bits) for layer in costs] == [(1, 1)] * 16


def test_a_method_of_bits_that_no_cost_is_known_of_is_refused():
    with pytest.raises(ValueError, match="A method has 3 bits; costs are counted at 1, 2, 4, 8, 32 bits"):
        Method(weight_bits=3, input_bits=1, build=METHODS["real"].build)
