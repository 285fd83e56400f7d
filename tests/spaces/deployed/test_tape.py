"""Tapes: what a network computed, operator by operator."""

import pytest
import torch
from torch import nn

from spaces.deployed.describe import UndescribedError
from spaces.deployed.tape import LAYER, needed, record
from spaces.layers import SearchableUnit, UnitShape


def test_a_tape_has_layers_as_single_steps_and_operators_in_between():
    torch.manual_seed(0)
    unit = SearchableUnit(UnitShape(4, 4, 3), ["react"]).eval()
    network = nn.Sequential(unit, nn.ReLU(), nn.Conv2d(4, 2, 1))
    x = torch.randn(1, 4, 5, 5)
    tape = record(network, lambda batch: [network(batch)], x)
    assert [(step.operator, step.layer) for step in tape.steps] == [
        (LAYER, "0"),
        ("aten.relu.default", ""),
        (LAYER, "2"),
    ]
    with torch.no_grad():
        assert torch.equal(tape.tensors[tape.returned[0].number], network(x))
    assert "forward" not in vars(unit)


def test_what_changes_its_input_is_refused():
    network = nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU(inplace=True))
    with pytest.raises(UndescribedError, match=r"relu_.+ changes its input in place"):
        record(network, lambda batch: [network(batch)], torch.zeros(1, 1, 2, 2))


def test_steps_that_nothing_returned_depends_on_are_not_needed():
    x = torch.ones(2)
    tape = record(nn.Identity(), lambda batch: [batch + 1, batch * 2 - 3][1:], x)
    assert [step.operator for step in tape.steps] == ["aten.add.Tensor", "aten.mul.Tensor", "aten.sub.Tensor"]
    assert [step.operator for step in needed(tape)] == ["aten.mul.Tensor", "aten.sub.Tensor"]
