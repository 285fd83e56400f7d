"""Optimizers and schedules: updates and rates by hand."""

import pytest
import torch
from torch import nn

from trainers.training.recipe import rate_share
from trainers.training.resuming import Position
from trainers.training.settings import TrainSettings
from trainers.training.step import Training


class Falling(nn.Module):
    """A weight whose gradient is 1."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, 1))


def after_steps(settings, slope=1.0):
    """The weight after a step in each epoch."""
    modules = nn.ModuleDict({"network": Falling()})
    weight = modules["network"].weight
    losses = lambda *_: [{"toy": slope * weight.sum()}]  # noqa: E731
    training = Training(modules, losses, settings, steps_per_epoch=1, seed=0, stage="toy")
    for epoch in range(settings.epochs):
        training.step(([], []), Position(epoch))
    return weight.item()


SGD = {"optimizer": "sgd", "learning_rate": 0.1, "weight_decay": 0.0, "warm_up_epochs": 0}


def test_sgd_adds_up_its_momentum_and_steps_lower_the_rate():
    """Momentum 1, 1.5, 1.75; rates 0.1, then twice 0.01: 0.1 + 0.015 + 0.0175."""
    steps = {"schedule": "steps", "milestones": (1.0,), "momentum": 0.5}
    assert after_steps(TrainSettings(epochs=3, **steps, **SGD)) == pytest.approx(-0.1325)


def test_sgd_decays_weights_with_the_gradient():
    """-0.1 first; then a gradient of 1 - 0.5 x 0.1 = 0.95 and momentum 0.5 + 0.95 = 1.45, at half a cosine's rates."""
    settings = TrainSettings(epochs=2, **{**SGD, "weight_decay": 0.5, "momentum": 0.5})
    second = 0.1 * (0.02 + 0.98 * 0.5)
    assert after_steps(settings) == pytest.approx(-0.1 - second * 1.45)


@pytest.mark.parametrize(("clip_norm", "ends_at"), [(None, -2.0), (10.0, -1.0)])
def test_a_gradient_of_20_is_clipped_to_10_or_not_at_all(clip_norm, ends_at):
    settings = TrainSettings(epochs=1, clip_norm=clip_norm, **SGD)
    assert after_steps(settings, slope=20.0) == pytest.approx(ends_at)


def test_steps_multiply_the_rate_at_each_milestone_after_the_warm_up():
    """Ten steps an epoch, half an epoch of warm-up, milestones at the epochs 2 and 3.5."""
    settings = TrainSettings(epochs=4, schedule="steps", milestones=(2.0, 3.5), gamma=0.5, warm_up_epochs=0.5)
    share = rate_share(settings, 10)
    assert [share(step) for step in (0, 1, 4, 5, 19, 20, 34, 35, 39)] == pytest.approx(
        [0.2, 0.4, 1.0, 1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    )


def test_a_cosine_has_the_warm_up_that_is_given_or_a_twentieth():
    assert [rate_share(TrainSettings(epochs=4, warm_up_epochs=2.0), 2)(step) for step in range(4)] == [
        0.25,
        0.5,
        0.75,
        1.0,
    ]
    assert rate_share(TrainSettings(epochs=4, warm_up_epochs=0.0), 2)(0) == 1.0
    assert rate_share(TrainSettings(epochs=40), 1)(0) == 0.5


def test_over_another_number_of_epochs_milestones_keep_their_place():
    settings = TrainSettings(epochs=12, schedule="steps", milestones=(8.0, 11.0), warm_up_epochs=0.5)
    half = settings.over(6)
    assert (half.epochs, half.milestones, half.warm_up_epochs) == (6, (4.0, 5.5), 0.25)
