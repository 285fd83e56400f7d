"""Opened convolutions with learned steps of 4 and 2 bits: values and gradients by hand, costs, and extraction."""

import math

import pytest
import torch

from spaces.candidate import Candidate
from spaces.cost import layer_costs
from spaces.layers import OpenedConv
from spaces.layers.opened import ActivatedConv2d
from spaces.supernet import activate, build_supernet, extract

HEAD = "cls_heads.1.2"


@pytest.fixture
def head():
    """Weights (0.625, -1.625) with a step of 0.5, inputs with a step of 1, and a bias of 10."""

    def make(method):
        conv = ActivatedConv2d(2, 1, 1)
        with torch.no_grad():
            conv.weight.copy_(torch.tensor([0.625, -1.625]).view(1, 2, 1, 1))
            conv.bias.fill_(10.0)
        unit = OpenedConv(conv, ["real", method])
        unit.activate(method)
        steps = unit.alternatives[method]
        steps.weight_start.fill_(0.5)
        steps.input_start.fill_(1.0)
        return unit, steps

    return make


@pytest.mark.parametrize(
    ("method", "y", "input_gradient", "weight_gradient"),
    [
        # Inputs (2, 4), weights (0.5, -1.5), all inside. Steps: 0.5 (2 - 2.25) - 1.5 (4 - 3.75) and
        # 2 (1 - 1.25) + 4 (-3 + 3.25), the latter times the step of 0.5 for its logarithm.
        ("int4", 5.0, -0.5 / math.sqrt(2 * 15), 0.5 * 0.5 / math.sqrt(2 * 7)),
        # Inputs (2, 3), weights (0.5, -1); 3.75 and weights are outside: 0.5 (2 - 2.25) - 1 * 3 and 2 * 1 + 3 * -2.
        ("int2", 8.0, -3.125 / math.sqrt(2 * 3), -4 * 0.5 / math.sqrt(2 * 1)),
    ],
)
def test_values_and_gradients_of_steps_by_hand(head, method, y, input_gradient, weight_gradient):
    unit, steps = head(method)
    out = unit(torch.tensor([2.25, 3.75]).view(1, 2, 1, 1))
    assert out.item() == y
    out.sum().backward()
    assert steps.input_log.grad.item() == pytest.approx(input_gradient)
    assert steps.weight_log.grad.tolist() == pytest.approx([weight_gradient])
    assert unit.bias.grad.item() == 1.0


@pytest.mark.parametrize(("method", "bits"), [("int4", 4), ("int2", 2)])
def test_costs_and_extraction(spec, images, method, bits):
    torch.manual_seed(0)
    supernet = build_supernet(spec, {HEAD: ("real", "int4", "int2")}).eval()
    candidate = Candidate({f"layer/{HEAD}": method})
    activate(supernet, candidate)
    row = next(row for row in layer_costs(supernet, [torch.zeros(3, 96, 96)]) if row.name == HEAD)
    outputs, cells = 6 * 4, 12 * 12  # six boxes a cell, three classes and background; p3 of 96 pixels
    assert (row.method, row.weight_bits, row.input_bits) == (method, bits, bits)
    assert row.macs == 16 * outputs * cells
    assert row.memory_bits == bits * 16 * outputs + 32 * (outputs + outputs)  # a step and a bias a channel
    network = extract(supernet.state_dict(), spec, candidate)
    with torch.no_grad():
        one, other = network(images).responses, supernet(images).responses
    assert all(torch.equal(a, b) for a, b in zip(one.cls + one.box, other.cls + other.box, strict=True))
