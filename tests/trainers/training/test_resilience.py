"""The resilient gradient: numbers by hand, who takes part in a step, and a training cut off in the middle."""

import numpy as np
import pytest
import torch
from torch import nn

from spaces.layers import SearchableUnit, UnitShape
from trainers.training import resilience
from trainers.training.loop import Task, train
from trainers.training.resilience import ResilientWeights
from trainers.training.settings import TrainSettings

NAME = "react+resilient"


def unit_of(*methods, scale=0.5):
    unit = SearchableUnit(UnitShape(4, 1, 1), methods, "none").double().train()
    with torch.no_grad():
        unit.weight.copy_(torch.tensor([0.5, -0.25, 0.25, 2.0]).view(1, 4, 1, 1))
        unit.alternatives[NAME].scale.fill_(scale)
    return unit


def pulls(resilient, unit, *gradient):
    """The pull on the weight and on the scale."""
    given = torch.tensor(gradient).double().view(1, 4, 1, 1)
    unit.weight.grad, unit.alternatives[NAME].scale.grad = given.clone(), torch.zeros(1).double()
    resilient.pull()
    return (unit.weight.grad - given).flatten().tolist(), unit.alternatives[NAME].scale.grad.item()


@pytest.mark.parametrize("scale", [0.5, -0.5])
def test_the_pull_by_hand(scale):
    """w - alpha sign(w) = (0, 0.25, -0.25, 1.5), with the inner product 0 - 0.25 - 0.25 + 1.5 = 1 with the signs.

    With no signs before, gamma is the least, 1e-5. Then one sign of four flips, and max |g| is 2e-4 / 0.5: gamma =
    0.25 x 4e-4 = 1e-4. Then it flips back, with a gradient of 1: gamma is the largest, 2e-4.
    """
    unit = unit_of(NAME, scale=scale)
    resilient = ResilientWeights(nn.ModuleList([unit]))
    for gamma, gradient in (
        (1e-5, (1.0, 1.0, 1.0, 1.0)),
        (1e-4, (1e-4, -2e-4, 0.0, 0.0)),
        (2e-4, (0.0, 1.0, 0.0, 0.0)),
        (1e-5, (1.0, 1.0, 1.0, 1.0)),
    ):
        on_weight, on_scale = pulls(resilient, unit, *gradient)
        assert on_weight == pytest.approx([0, 0.25 * gamma, -0.25 * gamma, 1.5 * gamma])
        assert on_scale == pytest.approx(-gamma if scale > 0 else gamma)
        with torch.no_grad():
            unit.weight[0, 0].mul_(-1 if gamma < 2e-4 else 1)


def test_steps_in_which_it_does_not_compute_count_for_nothing():
    """Steps of other methods, and of real weights: flips in them are of the step in which it computes again."""
    unit = unit_of("sign", NAME)
    resilient = ResilientWeights(nn.ModuleDict({"unit": unit}))
    pulls(resilient, unit, 0.0, 0.0, 0.0, 0.0)
    with torch.no_grad():
        unit.weight.neg_()
    x, one = torch.randn(2, 4, 3, 3).double(), unit.alternatives[NAME]
    for method, stage in (("sign", False), (NAME, True)):
        unit.activate(method)
        one.inputs_only = stage
        unit.zero_grad()
        unit(x).square().sum().backward()
        before = unit.weight.grad.clone()
        resilient.pull()
        assert torch.equal(unit.weight.grad, before)
        assert one.scale.grad is None
    one.inputs_only = False
    assert pulls(resilient, unit, 0.0, 1.0, 0.0, 0.0)[0][1] == pytest.approx(-0.25 * 2e-4)
    assert not ResilientWeights(nn.ModuleList([SearchableUnit(UnitShape(4, 1, 1), ["sign"])]))


def trained(data, method=NAME, accumulate=1, fail_at=None, seed=0, resume_from=None):
    torch.manual_seed(seed)
    unit = SearchableUnit(UnitShape(3, 4, 3, norm="never"), [method], "none").train()  # its loss is a mean over images

    def step_losses(batch, epoch, step):
        if (epoch, step) == fail_at:
            raise KeyboardInterrupt
        return [{"loss": (unit(torch.stack(batch[0])[..., :8, :8]) - 0.1).square().mean() / 100}]

    settings = TrainSettings(epochs=4, batch_size=4, accumulate=accumulate)
    train(
        nn.ModuleDict({"unit": unit}), step_losses, data, settings, Task(stage="toy", seed=3, resume_from=resume_from)
    )
    return unit.state_dict()


@pytest.mark.usefixtures("every_step_is_kept")
def test_a_training_cut_off_ends_with_the_bits_of_an_unbroken_one(blobs, tmp_path):
    unbroken, kept = trained(blobs(8)), tmp_path / "toy.state"
    with pytest.raises(KeyboardInterrupt):
        trained(blobs(8), fail_at=(2, 1), resume_from=kept)
    resumed = trained(blobs(8), seed=9, resume_from=kept)
    assert [name for name in unbroken if not torch.equal(unbroken[name], resumed[name])] == []
    without = trained(blobs(8), "react+learned_scale")
    assert not torch.equal(without["weight"], unbroken["weight"])


def test_parts_of_a_batch_are_pulled_as_the_whole(blobs, monkeypatch):
    """With a pull as large as the other gradients: twice of it in a step would be seen."""
    monkeypatch.setattr(resilience, "LEAST_PULL", 0.01)
    whole, parts = (trained(blobs(8), accumulate=count) for count in (1, 2))
    for name, value in whole.items():
        np.testing.assert_allclose(parts[name], value, atol=1e-5, err_msg=name)
