import math
from contextlib import contextmanager

import pytest
import torch
from torch import nn

from trainers.data.errors import DataError
from trainers.devices import freeze
from trainers.distill.adversarial import Discriminator
from trainers.training.loop import DivergedError, check_finite, train
from trainers.training.settings import TrainSettings


class Recorder:
    """A progress that notes what it is told, and may raise in the middle."""

    def __init__(self, stop_after=None):
        self.told, self.stop_after = [], stop_after

    @contextmanager
    def stage(self, name, total):
        self.told.append((name, total))
        yield self

    def resume(self, n, **figures):
        self.advance(n, **figures)

    def note(self, text):
        self.told.append(text)

    def advance(self, n=1, **figures):
        self.told.append((n, sorted(figures)))
        if self.stop_after is not None and sum(told[0] for told in self.told[1:]) == self.stop_after:
            raise KeyboardInterrupt


class Toy(nn.Module):
    """Three numbers an image, with a BatchNorm, so that there is a state beyond parameters."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=8)
        self.bn = nn.BatchNorm2d(4)

    def loss(self, images, targets):
        y = self.bn(self.conv(torch.stack(images))).mean((2, 3))
        return ((y - torch.stack([target["boxes"][0] for target in targets]) / 96) ** 2).mean()


def toy(seed=0):
    torch.manual_seed(seed)
    return nn.ModuleDict({"network": Toy(), "idle": nn.Linear(3, 3)})


def state_of(modules):
    return {name: tensor.clone() for name, tensor in modules.state_dict().items()}


def assert_same(one, other):
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


def run(modules, data, *, epochs=4, batch_size=4, fail_at=None, **options):
    seen = []

    def step_losses(batch, epoch, step):
        seen.append((epoch, step))
        if (epoch, step) == fail_at:
            raise KeyboardInterrupt
        return {"toy": modules["network"].loss(*batch)}

    settings = TrainSettings(epochs=epochs, batch_size=batch_size)
    train(modules, step_losses, data, settings, **({"seed": 3, "stage": "toy"} | options))
    return seen


def test_a_training_is_reproducible_and_depends_on_its_seed(blobs):
    data, ends = blobs(10), []
    for seed in (3, 3, 4):
        modules = toy()
        torch.manual_seed(len(ends))  # what others draw has no say
        run(modules, data, seed=seed)
        ends.append(state_of(modules))
    assert_same(ends[0], ends[1])
    assert not torch.equal(ends[0]["network.conv.weight"], ends[2]["network.conv.weight"])


def test_every_whole_batch_of_every_epoch_is_a_step(blobs):
    assert run(toy(), blobs(10), epochs=2) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert run(toy(), blobs(4), epochs=2) == [(0, 0), (1, 0)]


def test_a_data_set_smaller_than_a_batch_is_refused(blobs):
    with pytest.raises(DataError, match=r"the training of toy: there are 3 images, fewer than its batch_size of 4"):
        run(toy(), blobs(3))


@pytest.mark.usefixtures("every_step_is_kept")
@pytest.mark.parametrize("fail_at", [(1, 0), (2, 1), (3, 1)])
def test_a_training_cut_off_in_a_step_ends_where_the_unbroken_one_does(tmp_path, monkeypatch, blobs, fail_at):
    data, unbroken, path = blobs(10), toy(), tmp_path / "toy.state"
    run(unbroken, data)
    with pytest.raises(KeyboardInterrupt):
        run(toy(), data, fail_at=fail_at, resume_from=path)
    resumed = toy(seed=9)  # what stands in the new process is of no account
    seen = run(resumed, data, resume_from=path)
    assert seen[0] == fail_at  # the steps before it in its epoch aren't done again
    assert_same(state_of(resumed), state_of(unbroken))


@pytest.mark.usefixtures("every_step_is_kept")
@pytest.mark.parametrize("stop_after", [1, 2, 3])
def test_a_training_cut_off_before_it_saved_goes_back_a_step(tmp_path, monkeypatch, blobs, stop_after):
    data, unbroken, path = blobs(10), toy(), tmp_path / "toy.state"
    run(unbroken, data)
    with pytest.raises(KeyboardInterrupt):
        run(toy(), data, progress=Recorder(stop_after), resume_from=path)
    resumed = toy()
    assert run(resumed, data, resume_from=path)[0] == (stop_after - 1, 1)
    assert_same(state_of(resumed), state_of(unbroken))


@pytest.mark.usefixtures("every_step_is_kept")
def test_a_training_may_be_cut_off_many_times(tmp_path, monkeypatch, blobs):
    data, unbroken, path = blobs(8), toy(), tmp_path / "toy.state"
    run(unbroken, data)
    for epoch in (1, 2, 3):
        with pytest.raises(KeyboardInterrupt):
            run(toy(seed=epoch - 1), data, fail_at=(epoch, 1), resume_from=path)
    resumed = toy()
    run(resumed, data, resume_from=path)
    assert_same(state_of(resumed), state_of(unbroken))


@pytest.mark.usefixtures("every_step_is_kept")
@pytest.mark.parametrize(("keep_end", "again"), [(False, [(1, 1)]), (True, [])])
def test_the_very_end_is_kept_where_it_is_asked_for(tmp_path, blobs, keep_end, again):
    data, path = blobs(8), tmp_path / "toy.state"
    run(toy(), data, epochs=2, resume_from=path, keep_end=keep_end)
    assert run(toy(), data, epochs=2, resume_from=path, keep_end=keep_end) == again


@pytest.mark.usefixtures("every_step_is_kept")
@pytest.mark.parametrize("changes", [{"epochs": 5}, {"seed": 7}, {"stage": "other"}, {"data": "other images"}])
def test_a_state_of_another_training_is_not_gone_on_from(tmp_path, monkeypatch, blobs, changes):
    path, data = tmp_path / "toy.state", blobs(4)
    with pytest.raises(KeyboardInterrupt):
        run(toy(), data, fail_at=(2, 0), resume_from=path)
    kept = path.read_bytes()
    assert run(toy(), data, resume_from=path)[0] == (2, 0)  # what makes the difference is the change below
    path.write_bytes(kept)
    other = blobs(4, seed=9) if "data" in changes else data
    assert run(toy(), other, resume_from=path, **{k: v for k, v in changes.items() if k != "data"})[0] == (0, 0)


def test_a_state_of_another_version_is_not_gone_on_from_and_that_is_told(tmp_path, blobs):
    path, data, recorder = tmp_path / "toy.state", blobs(4), Recorder()
    torch.save({"epoch": 2}, path)
    assert run(toy(), data, resume_from=path, progress=recorder)[0] == (0, 0)
    what = "what was left unfinished is of other settings, other data or another version"
    assert recorder.told[:2] == [f"toy: begins anew, {what}", ("toy", 4)]


@pytest.mark.usefixtures("every_step_is_kept")
def test_progress_is_told_of_every_epoch_and_of_those_done_before(tmp_path, monkeypatch, blobs):
    path, data = tmp_path / "toy.state", blobs(4)
    with pytest.raises(KeyboardInterrupt):
        run(toy(), data, fail_at=(2, 0), resume_from=path)
    recorder = Recorder()
    run(toy(), data, resume_from=path, progress=recorder)
    assert recorder.told == [("toy", 4), (2, []), (1, ["loss"]), (1, ["loss"])]


def test_a_loss_that_is_not_finite_ends_the_training_before_the_step(blobs):
    modules = toy()
    before = {name: parameter.clone() for name, parameter in modules.named_parameters()}

    def step_losses(batch, epoch, step):
        return {"cls": modules["network"].loss(*batch), "hint": torch.tensor(float("nan")), "box": torch.tensor(1.5)}

    expected = r"The loss of twin is not finite in epoch 0, step 0: cls=.*, hint=nan, box=1\.5\."
    with pytest.raises(DivergedError, match=expected):
        train(modules, step_losses, blobs(4), TrainSettings(epochs=1, batch_size=4), seed=0, stage="twin")
    assert all(torch.equal(parameter, before[name]) for name, parameter in modules.named_parameters())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_any_term_that_is_not_finite_is_found(value):
    with pytest.raises(FloatingPointError, match=f"a=1, b={value:g}"):
        check_finite({"a": torch.tensor(1.0), "b": torch.tensor(value)}, "x", 2, 7)
    check_finite({"a": torch.tensor(1.0)}, "x", 0, 0)


def test_a_gradient_that_is_not_finite_ends_the_training_before_the_step(blobs):
    modules = toy()
    weight = modules["network"].conv.weight

    def step_losses(batch, epoch, step):
        return {"cls": modules["network"].loss(*batch), "root": (weight * 0).abs().sqrt().sum()}  # 0, of slope NaN

    with pytest.raises(DivergedError, match=r"The gradient of toy is not finite in epoch 0, step 0: .*root=0"):
        train(modules, step_losses, blobs(4), TrainSettings(epochs=1, batch_size=4), seed=0, stage="toy")
    assert weight.isfinite().all()


def test_weights_decay_and_biases_and_idle_parameters_do_not(blobs):
    modules = nn.ModuleDict({"used": nn.Linear(3, 3), "idle": nn.Linear(3, 3)})
    before = state_of(modules)

    def step_losses(batch, epoch, step):
        return {"flat": 0.0 * sum(parameter.sum() for parameter in modules["used"].parameters())}

    settings = TrainSettings(epochs=1, batch_size=4, learning_rate=0.1, weight_decay=0.5)
    train(modules, step_losses, blobs(4), settings, seed=0, stage="flat")  # one step at the full rate
    torch.testing.assert_close(modules["used"].weight.data, before["used.weight"] * (1 - 0.1 * 0.5))
    assert_same({name: modules.state_dict()[name] for name in before if name != "used.weight"}, before)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs is 0, must be at least 1"),
        ({"epochs": 1, "learning_rate": math.inf}, "learning_rate is inf, must be positive and finite"),
        ({"epochs": 1, "learning_rate": 0.0}, "learning_rate is 0.0, must be positive and finite"),
        ({"epochs": 1, "weight_decay": -1.0}, "weight_decay is -1.0, must be 0 or more and finite"),
        ({"epochs": 1, "clip_norm": 0.0}, "clip_norm is 0.0, must be positive and finite"),
        ({"epochs": 1, "batch_size": 1}, "batch_size is 1, must be at least 2: BatchNorm needs more than one image"),
    ],
)
def test_settings_that_can_not_train_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        TrainSettings(**settings)


def test_a_frozen_network_is_in_evaluation_mode_and_takes_no_gradient():
    network = freeze(Toy().train())
    assert not network.training
    assert not network.bn.training
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_a_frozen_part_is_not_trained(blobs):
    modules = toy()
    for parameter in modules["network"].conv.parameters():
        parameter.requires_grad_(False)
    before = state_of(modules)
    run(modules, blobs(4), epochs=1)
    after = state_of(modules)
    assert torch.equal(after["network.conv.weight"], before["network.conv.weight"])
    assert not torch.equal(after["network.bn.weight"], before["network.bn.weight"])


def played(discriminator):
    modules = toy()
    modules["against"] = discriminator
    return modules


def test_discriminators_train_at_a_rate_of_their_own_and_are_clipped_apart(blobs):
    """Their gradient a million times larger doesn't shorten the network's step."""

    def trained(factor):
        torch.manual_seed(3)
        modules = played(Discriminator(3))

        def losses(batch, epoch, step):
            judged = modules["against"](torch.stack(batch[0])).mean()
            return {"toy": modules["network"].loss(*batch), "against": factor * judged}

        settings = TrainSettings(epochs=1, batch_size=4, discriminator_learning_rate=1e-9, clip_norm=0.1)
        train(modules, losses, blobs(8), settings, seed=0, stage="game")
        return modules

    one, other = trained(1.0), trained(1e6)
    assert_same(one["network"].state_dict(), other["network"].state_dict())
    torch.manual_seed(3)
    start = played(Discriminator(3))
    for name, tensor in other["against"].state_dict().items():
        torch.testing.assert_close(tensor, start["against"].state_dict()[name], rtol=0, atol=1e-7)
    assert not torch.equal(one["network"].conv.weight, start["network"].conv.weight)


def test_a_gradient_of_a_discriminator_that_is_no_number_is_told(blobs):
    modules = played(Discriminator(3))

    def losses(batch, epoch, step):
        nothing = modules["against"](torch.stack(batch[0])).mean() * 0
        return {"toy": modules["network"].loss(*batch), "against": nothing.abs().sqrt()}  # 0, of slope NaN

    with pytest.raises(DivergedError, match="The gradient of game is not finite"):
        train(modules, losses, blobs(8), TrainSettings(epochs=1, batch_size=4), seed=0, stage="game")


def test_what_is_drawn_at_random_depends_on_seed_epoch_and_step_and_not_on_the_stages_name(blobs):
    def drawn(stage, seed):
        found = []

        def step_losses(batch, epoch, step):
            found.append(torch.initial_seed())
            return {"loss": modules["network"].loss(*batch)}

        modules = toy()
        train(modules, step_losses, blobs(8), TrainSettings(epochs=2, batch_size=4), seed=seed, stage=stage)
        return found

    assert drawn("train a", 0) == drawn("train b", 0)
    assert len(set(drawn("train a", 0) + drawn("train a", 1))) == 8
