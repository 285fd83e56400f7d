"""One step: what it refuses, what it moves, and what it leaves alone."""

import pytest
import torch
from torch import nn

from trainers.distill.adversarial import Discriminator
from trainers.training.finiteness import DivergedError, check_finite
from trainers.training.loop import Task, train
from trainers.training.resuming import Position
from trainers.training.settings import TrainSettings
from trainers.training.step import Training

ONE_STEP = TrainSettings(epochs=1, batch_size=4)


def state_of(modules):
    return {name: tensor.clone() for name, tensor in modules.state_dict().items()}


def assert_same(one, other):
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


def test_a_step_apart_from_the_loop_counts_itself_and_moves_the_weights(toy, blobs):
    modules, at = toy(), Position()
    training = Training(
        modules,
        lambda batch, epoch, step: [{"toy": modules["network"].loss(*batch)}],
        ONE_STEP,
        steps_per_epoch=2,
        seed=0,
        stage="toy",
    )
    before = state_of(modules)
    for batch in blobs(8).batches(4, seed=0, epoch=0, augment=False):
        training.step(batch, at)
    assert (at.epoch, at.step) == (0, 2)
    assert training.figures(at) == {"loss": pytest.approx(float(at.totals["toy"]) / 2, rel=1e-4)}
    changed = {name for name, tensor in modules.state_dict().items() if not torch.equal(tensor, before[name])}
    assert {"network.conv.weight", "network.conv.bias", "network.bn.weight", "network.bn.bias"} <= changed
    assert not any(name.startswith("idle") for name in changed)


def test_a_loss_that_is_not_finite_ends_the_training_before_the_step(toy, blobs):
    modules = toy()
    before = {name: parameter.clone() for name, parameter in modules.named_parameters()}

    def step_losses(batch, epoch, step):
        return [{"cls": modules["network"].loss(*batch), "hint": torch.tensor(float("nan")), "box": torch.tensor(1.5)}]

    expected = r"The loss of twin is not finite in epoch 0, step 0: cls=.*, hint=nan, box=1\.5\."
    with pytest.raises(DivergedError, match=expected):
        train(modules, step_losses, blobs(4), ONE_STEP, Task(stage="twin", seed=0))
    assert all(torch.equal(parameter, before[name]) for name, parameter in modules.named_parameters())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_any_term_that_is_not_finite_is_found(value):
    with pytest.raises(FloatingPointError, match=f"a=1, b={value:g}"):
        check_finite({"a": torch.tensor(1.0), "b": torch.tensor(value)}, "x", 2, 7)
    check_finite({"a": torch.tensor(1.0)}, "x", 0, 0)


def test_a_gradient_that_is_not_finite_ends_the_training_before_the_step(toy, blobs):
    modules = toy()
    weight = modules["network"].conv.weight

    def step_losses(batch, epoch, step):
        return [{"cls": modules["network"].loss(*batch), "root": (weight * 0).abs().sqrt().sum()}]  # 0, of slope NaN

    with pytest.raises(DivergedError, match=r"The gradient of toy is not finite in epoch 0, step 0: .*root=0"):
        train(modules, step_losses, blobs(4), ONE_STEP, Task(stage="toy", seed=0))
    assert weight.isfinite().all()


def test_weights_decay_and_biases_and_idle_parameters_do_not(blobs):
    modules = nn.ModuleDict({"used": nn.Linear(3, 3), "idle": nn.Linear(3, 3)})
    before = state_of(modules)

    def step_losses(batch, epoch, step):
        return [{"flat": 0.0 * sum(parameter.sum() for parameter in modules["used"].parameters())}]

    settings = TrainSettings(epochs=1, batch_size=4, learning_rate=0.1, weight_decay=0.5)
    train(modules, step_losses, blobs(4), settings, Task(stage="flat", seed=0))  # one step at the full rate
    torch.testing.assert_close(modules["used"].weight.data, before["used.weight"] * (1 - 0.1 * 0.5))
    assert_same({name: modules.state_dict()[name] for name in before if name != "used.weight"}, before)


def test_a_frozen_part_is_not_trained(toy, train_toy, blobs):
    modules = toy()
    for parameter in modules["network"].conv.parameters():
        parameter.requires_grad_(False)
    before = state_of(modules)
    train_toy(modules, blobs(4), epochs=1)
    after = state_of(modules)
    assert torch.equal(after["network.conv.weight"], before["network.conv.weight"])
    assert not torch.equal(after["network.bn.weight"], before["network.bn.weight"])


@pytest.fixture
def playing(toy):
    """Toy modules beside a discriminator."""

    def make():
        modules = toy()
        modules["against"] = Discriminator(3)
        return modules

    return make


def test_discriminators_train_at_a_rate_of_their_own_and_are_clipped_separately(playing, blobs):
    """A gradient of theirs that is a million times larger doesn't shorten the network's step."""

    def trained(factor):
        modules = playing()

        def losses(batch, epoch, step):
            judged = modules["against"](torch.stack(batch[0])).mean()
            return [{"toy": modules["network"].loss(*batch), "against": factor * judged}]

        settings = TrainSettings(epochs=1, batch_size=4, rates={"discriminator": 1e-9}, clip_norm=0.1)
        train(modules, losses, blobs(8), settings, Task(stage="game", seed=0))
        return modules

    one, other = trained(1.0), trained(1e6)
    assert_same(one["network"].state_dict(), other["network"].state_dict())
    start = playing()
    for name, tensor in other["against"].state_dict().items():
        torch.testing.assert_close(tensor, start["against"].state_dict()[name], rtol=0, atol=1e-7)
    assert not torch.equal(one["network"].conv.weight, start["network"].conv.weight)


def test_a_gradient_of_a_discriminator_that_is_no_number_ends_the_training(playing, blobs):
    modules = playing()

    def losses(batch, epoch, step):
        nothing = modules["against"](torch.stack(batch[0])).mean() * 0
        return [{"toy": modules["network"].loss(*batch), "against": nothing.abs().sqrt()}]  # 0, of slope NaN

    with pytest.raises(DivergedError, match="The gradient of game is not finite"):
        train(modules, losses, blobs(8), ONE_STEP, Task(stage="game", seed=0))
