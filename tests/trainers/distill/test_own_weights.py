"""The distance between a layer's outputs by its binary and by its real weight: by hand, and which units have one."""

import pytest
import torch

from spaces.candidate import Candidate
from spaces.detectors import traced
from spaces.layers import SearchableUnit, UnitShape
from spaces.supernet import activate, build_supernet
from trainers.distill.own_weights import own_weight_loss


def loss_of(weight, x=(1.0, 1.0), methods=("sign",)):
    """Of one unit with a filter of two inputs, at one place."""
    network = torch.nn.ModuleDict({"unit": SearchableUnit(UnitShape(2, 1, 1), methods, "none")}).train()
    unit = network["unit"]
    with torch.no_grad():
        unit.weight.copy_(torch.tensor(weight).view(1, 2, 1, 1))
    trace = unit.alternatives[unit.active].trace(torch.tensor(x).view(1, 2, 1, 1), unit.weight)
    return unit, own_weight_loss(network, {"unit": trace})["own weights"]


def test_it_is_the_square_of_the_outputs_distance():
    """w = (0.5, -0.1), alpha = 0.3. Inputs (+, +): 0 by sign, 0.4 by w. Inputs (+, -): 0.6 by both."""
    assert loss_of((0.5, -0.1))[1].item() == pytest.approx(0.16)
    assert loss_of((0.5, -0.1), x=(2.0, -3.0))[1].item() == pytest.approx(0.0, abs=1e-12)


def test_a_weight_with_a_centre_has_it_in_both_sums():
    """w = (0.7, 0.1): centre 0.4 and deviation 0.3 make it exactly. Of sign's 0.4, (+, -) makes 0, not 0.6."""
    assert loss_of((0.7, 0.1), methods=("adabin",))[1].item() == pytest.approx(0.0, abs=1e-12)
    assert loss_of((0.7, 0.1), x=(2.0, -3.0))[1].item() == pytest.approx(0.6**2)


def test_two_bases_make_two_magnitudes_exactly():
    """w = (0.7, 0.1): scale 0.4, and the residual (0.3, -0.3)."""
    for x in ((1.0, 1.0), (2.0, -3.0)):
        assert loss_of((0.7, 0.1), x=x, methods=("sign+bases2",))[1].item() == pytest.approx(0.0, abs=1e-12)


def test_it_draws_the_binary_weight_to_the_real_one():
    """The outputs are 0 and 0.4, so that the slope at either sign is 2 (0 - 0.4) alpha = -0.24, straight through."""
    unit, loss = loss_of((0.5, -0.1))
    loss.backward()
    assert unit.weight.grad.flatten().tolist() == pytest.approx([-0.24, -0.24])


def test_units_that_search_signs_or_are_not_binary_have_none(spec, images, targets):
    torch.manual_seed(0)
    network = build_supernet(spec, {"backbone": ("real", "sign", "dbs")}).train()

    def losses(layers):
        activate(network, Candidate(layers))
        with traced(network):
            return own_weight_loss(network, network(images, targets).layers)

    assert losses({"layer/backbone": "real"}) == {}
    assert losses({"layer/backbone": "dbs"}) == {}
    assert losses({"layer/backbone": "dbs", "layer/backbone.layer1": "sign"})["own weights"].item() > 0
