"""Factors of output channels that follow from a 1-bit unit's real input."""

import math

import pytest
import torch
from torch import nn

from spaces.deployed.describe import describe_unit
from spaces.deployed.reference import layer
from spaces.deployed.rows import arrays_of, row_of
from spaces.layers import OpenedConv, OpenedLinear, SearchableUnit, UnitShape
from spaces.layers.channel_gate import ChannelGate
from spaces.starting import start_from_trained

LOG_3 = math.log(3)
X = torch.tensor([[[[3.0, 1.0]], [[-1.0, -1.0]]], [[[0.0, 0.0]], [[0.0, 4.0]]]])
"""Means (2, -1) and (0, 2): behind the ReLU (2, 0) and (0, 2)."""
FACTORS = [[1.5, 0.5, 1.0], [1.0, 1.5, 1.0]]
"""2 sigmoid(log 3) = 2 / (1 + 1/3), 2 sigmoid(-log 3) = 2 / (1 + 3), 2 sigmoid(0)."""


def by_hand(gate):
    """Its first two hidden numbers are the means; (2, 0) opens by log 3, -log 3 and 0, (0, 2) by 0, log 3 and 0."""
    with torch.no_grad():
        gate.squeeze.weight.copy_(torch.eye(4, 2))
        excite = torch.tensor([[LOG_3 / 2, 0], [-LOG_3 / 2, LOG_3 / 2], [0, 0]])
        gate.excite.weight.zero_()[:, :2] = excite
    return gate


def test_factors_by_hand():
    gate = ChannelGate(2, 3)
    assert gate.squeeze.weight.shape == (4, 2)  # never fewer than four hidden numbers
    wide = ChannelGate(72, 3).squeeze
    assert wide.weight.shape == (9, 72)
    assert ((wide(torch.full((1, 72), 5.0)) > 0).sum(1) >= 4).all()  # each row has its negative, but for a ninth
    made = by_hand(gate)(X)
    assert made.shape == (2, 3, 1, 1)
    torch.testing.assert_close(made.flatten(1), torch.tensor(FACTORS))


def test_a_unit_by_hand_in_torch_and_in_numpy():
    """Signs of the second image (+, +) and (+, +), of the first (+, -) twice; weights -> scale 2, signs (+, -).

    Products 2 x 2 = 4 and 0. The BatchNorm is 3 (y - 1) / 2 + 0.5, so that the gates' order shows.
    """
    unit = SearchableUnit(UnitShape(2, 3, 1), ["sign+gate"], "none").eval()
    one = unit.alternatives["sign+gate"]
    by_hand(one.gate)
    with torch.no_grad():
        unit.weight.copy_(torch.tensor([1.0, -3.0]).view(1, 2, 1, 1).expand(3, 2, 1, 1))
        for values, value in ((one.bn.running_mean, 1), (one.bn.weight, 3), (one.bn.bias, 0.5)):
            values.fill_(value)
        one.bn.running_var.fill_(4 - one.bn.eps)
        y = unit(X)
    wanted = [[3 * (4 * factor - 1) / 2 + 0.5 for factor in FACTORS[0]], [3 * (0 - 1) / 2 + 0.5] * 3]
    assert wanted[0] == [8, 2, 5]
    torch.testing.assert_close(y, torch.tensor(wanted)[:, :, None, None].expand(2, 3, 1, 2))
    described = describe_unit("it", unit)
    made = layer(row_of(described), arrays_of(described), X.numpy())[2]
    torch.testing.assert_close(torch.from_numpy(made).float(), y)


def test_a_new_gate_changes_nothing_and_learns():
    """To the bit, in training and in evaluation, where the BatchNorm's statistics are those of products without one."""
    torch.manual_seed(0)
    before = nn.ModuleDict({"it": SearchableUnit(UnitShape(8, 8, 3), ["react"])})
    x = torch.randn(4, 8, 6, 6) * 3 + 1
    before["it"].train()(x)
    after = nn.ModuleDict({"it": SearchableUnit(UnitShape(8, 8, 3), ["react+gate"])})
    report = start_from_trained(after, before)
    gate = [f"it.alternatives.react+gate.gate.{name}.weight" for name in ("squeeze", "excite")]
    assert list(report.others) == gate
    for training in (False, True):
        made = after.train(training)["it"](x)
        assert torch.equal(made, before.train(training)["it"](x))
    made.square().sum().backward()
    assert after["it"].alternatives["react+gate"].gate.excite.weight.grad.any()


def test_layer_losses_see_the_products_before_the_gate():
    torch.manual_seed(0)
    unit = SearchableUnit(UnitShape(4, 4, 3), ["react+gate"]).eval()
    inner, x = unit.alternatives["react+gate"], torch.randn(2, 4, 5, 5) + 2
    nn.init.normal_(inner.gate.excite.weight)
    trace = inner.trace(x, unit.weight)
    product = nn.functional.conv2d(trace.binary_input, trace.binary_weight * trace.scale, padding=1)
    assert (inner.gate(x) - 1).abs().max() > 0.1
    torch.testing.assert_close(inner(x, unit.weight), inner.bn(inner.gate(x) * product))


@pytest.mark.parametrize(
    "opened", [OpenedConv(nn.Conv2d(3, 4, 3), ["react+gate"]), OpenedLinear(nn.Linear(3, 4), ["react+gate"])]
)
def test_opened_layers_have_none(opened):
    assert opened.alternatives["react+gate"].gate is None
