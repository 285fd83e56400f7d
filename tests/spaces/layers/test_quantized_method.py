"""Methods between 8 and 1 bit: their levels, their costs, and their place in a supernet."""

import pytest
import torch
from torch import nn

from spaces.candidate import Candidate
from spaces.cost import layer_costs, totals
from spaces.cost_table import CostTable
from spaces.detectors import searchable_units
from spaces.layers import SearchableUnit, UnitShape
from spaces.layers.real import Quantized
from spaces.supernet import activate, build_fixed, build_supernet, extract, inherit_shared


def test_weights_have_15_values_and_inputs_16():
    unit, weight = Quantized(UnitShape(1, 1, 1), bits=4).eval(), torch.tensor([[[[0.7]]]])
    unit.bn = nn.Identity()
    unit.largest.fill_(1.5)  # steps of 0.1 for inputs of 0 to 1.5; of the weight 0.7 = 7 levels, it is exact
    x = torch.tensor([-1.0, 0.04, 0.26, 9.0]).view(1, 1, 1, 4)
    assert (unit(x, weight) / 0.7).flatten().tolist() == pytest.approx([0, 0, 0.3, 1.5])


def test_a_width_of_one_bit_is_refused():
    with pytest.raises(ValueError, match="bits is 1, must be at least 2"):
        Quantized(UnitShape(1, 1, 1), bits=1)


@pytest.mark.parametrize(("bits", "products", "share"), [(4, 16, 16), (2, 4, 32)])
def test_they_are_counted_by_their_bits(bits, products, share):
    """8 x 4 x 3 x 3 = 288 weights at 3 x 3 positions, 8 scales, a BatchNorm of 2 x 8."""
    unit = SearchableUnit(UnitShape(4, 8, 3, 2), [f"int{bits}"], "none")
    (row,) = layer_costs(unit, torch.zeros(1, 4, 6, 6))
    assert (row.macs, row.bit_ops, row.ops) == (288 * 9, 288 * 9 * products, 288 * 9 / share)
    assert row.memory_bits == 288 * bits + (8 + 16) * 32
    assert totals([row]).macs[bits] == 288 * 9


def test_the_cost_table_equals_the_counting_pass(spec):
    candidate = Candidate({"layer/backbone": "int4", "layer/backbone.layer2": "sign"})
    table = CostTable.of(spec, {"backbone": ("real", "int4"), "backbone.layer2": ("sign", "int4")})
    rows = layer_costs(build_fixed(spec, candidate), [torch.zeros(3, 96, 96)])
    assert table.layers(candidate) == rows
    assert table.costs(candidate).items() >= totals(rows).as_dict().items()
    assert table.costs(candidate)["macs_4bit"] > 0
    assert "macs_4bit" not in table.costs(candidate.replace({"layer/backbone": "real"}))


def test_they_start_as_the_twin_train_a_step_and_are_extracted(spec, fixed, lively, images, targets):
    supernet = build_supernet(spec, {"backbone": ("real", "int4", "int2")})
    left = inherit_shared(supernet, lively(fixed("real")).state_dict())
    assert {name.rpartition(".")[2] for name in left} == {"weight_start", "weight_log", "input_start", "input_log"}
    activate(supernet.train(), Candidate({"layer/backbone": "int2"}))
    sum(supernet(images, targets).losses.values()).backward()
    units = searchable_units(supernet).values()
    assert all(unit.weight.grad.abs().sum() > 0 for unit in units)
    steps = [(unit.alternatives["int2"].weight_log, unit.alternatives["int2"].input_log) for unit in units]
    assert all(step.grad.abs().sum() > 0 for pair in steps for step in pair)
    assert all(unit.alternatives["int4"].input_step == 0 for unit in units)  # not yet active
    torch.optim.SGD(supernet.parameters(), lr=0.01).step()
    network = extract(supernet.state_dict(), spec, Candidate({"layer/backbone": "int2"}))
    with torch.no_grad():
        features, expected = (one.eval()(images).features for one in (network, supernet))
    assert all(torch.equal(features[name], expected[name]) for name in expected)
