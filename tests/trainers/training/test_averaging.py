"""Moving averages of weights: exact values, resuming, and what a detector's training ends with."""

import pytest
import torch
from torch import nn
from toy_paths import train_paths

from spaces.space import Knob, SearchSpace
from spaces.supernet import activate
from trainers.devices import freeze
from trainers.distill import Distiller
from trainers.training.averaging import AveragedWeights
from trainers.training.detector import train_detector
from trainers.training.loop import Task, train
from trainers.training.settings import TrainSettings

SETTINGS = TrainSettings(epochs=4, batch_size=4, ema=0.75)


def tensor_states(modules):
    return {name: tensor.clone() for name, tensor in modules.state_dict().items()}


def differing(one, other):
    return [name for name, tensor in one.items() if not torch.equal(tensor, other[name])]


def test_the_average_begins_with_the_first_step_and_forgets_a_quarter_a_step():
    """After 8, 4 and 0: 8, then 0.75 x 8 + 0.25 x 4 = 7, then 0.75 x 7 = 5.25."""
    weight = nn.Parameter(torch.zeros(1))
    averaged = AveragedWeights([weight], 0.75)
    averaged.apply()
    assert weight.item() == 0.0
    for value in (8.0, 4.0, 0.0):
        weight.data.fill_(value)
        averaged.update()
    averaged.apply()
    assert weight.item() == 5.25


def test_a_parameter_that_begins_later_is_not_averaged_with_its_zero():
    step = nn.Parameter(torch.zeros(()))
    averaged = AveragedWeights([nn.Parameter(torch.ones(2)), step], 0.75)
    for value in (0.0, 0.0, 8.0, 4.0):
        step.data.fill_(value)
        averaged.update()
    averaged.apply()
    assert step.item() == 7.0


def test_a_training_ends_with_the_average_of_its_steps(toy, blobs):
    seen = []

    def trained(ema):
        modules = toy()

        def step_losses(batch, epoch, step):
            seen.append(modules["network"].conv.weight.detach().clone())
            return [{"toy": modules["network"].loss(*batch)}]

        settings = TrainSettings(epochs=3, batch_size=4, ema=ema)
        train(modules, step_losses, blobs(4), settings, Task(stage="toy", seed=0))
        return modules

    last = trained(None)["network"].conv.weight
    averaged = trained(0.75)["network"].conv.weight
    _, first, second = seen[:3]
    torch.testing.assert_close(averaged, 0.75 * (0.75 * first + 0.25 * second) + 0.25 * last)


@pytest.mark.usefixtures("every_step_is_kept")
@pytest.mark.parametrize("cut", [(1, 1), (2, 0), (3, 1)])
def test_it_goes_on_bit_for_bit_where_it_was_cut_off(toy, blobs, tmp_path, cut):
    def run(fail_at=None, **of_task):
        modules = toy()

        def step_losses(batch, epoch, step):
            if (epoch, step) == fail_at:
                raise KeyboardInterrupt
            return [{"toy": modules["network"].loss(*batch)}]

        train(modules, step_losses, blobs(8), SETTINGS, Task(stage="toy", seed=0, **of_task))
        return tensor_states(modules)

    unbroken = run()
    with pytest.raises(KeyboardInterrupt):
        run(cut, resume_from=tmp_path / "state")
    assert differing(unbroken, run(resume_from=tmp_path / "state")) == []


def test_a_detector_is_its_average_with_statistics_of_its_own(fixed, blobs):
    data, settings = blobs(8), TrainSettings(epochs=1, batch_size=4, ema=0.5)
    network = fixed("sign")
    train_detector(network, data, settings, Task(stage="toy", seed=0))
    norm = network.backbone.layer1[0].conv1.alternatives["sign"].bn
    assert int(norm.num_batches_tracked) == 2  # of recalibration: the two of training are gone
    plain = fixed("sign")
    train_detector(plain, data, TrainSettings(epochs=1, batch_size=4), Task(stage="toy", seed=0))
    assert not torch.equal(network.backbone.layer1[0].conv1.weight, plain.backbone.layer1[0].conv1.weight)


@pytest.mark.usefixtures("every_step_is_kept")
def test_a_supernet_and_its_adapters_are_averaged_and_resumed(supernet, fixed, blobs, tmp_path, monkeypatch):
    space = SearchSpace([Knob("layer/backbone", ("real", "sign", "bireal")), Knob("teacher/feature_hint", ("twin",))])
    start, twin = tensor_states(supernet), freeze(fixed("real", seed=5))

    def run(ema=0.9, **options):
        supernet.load_state_dict(start)
        torch.manual_seed(0)
        modules = nn.ModuleDict({"supernet": supernet})
        modules["distiller"] = Distiller(supernet, {"twin": twin}, {"feature_hint": ["twin"]})
        settings = TrainSettings(epochs=2, batch_size=4, ema=ema)
        train_paths(supernet, modules["distiller"], space, blobs(8), settings, **options)
        return tensor_states(modules)

    one, passes = run(), []
    adapters = {name for name in one if name.startswith("distiller.terms.")}
    assert adapters
    assert adapters <= set(differing(one, run(ema=None)))

    def cut_off(network, candidate):
        passes.append(1)
        if len(passes) > 3:
            raise KeyboardInterrupt
        activate(network, candidate)

    with monkeypatch.context() as patch:
        patch.setattr("trainers.training.paths.activate", cut_off)
        with pytest.raises(KeyboardInterrupt):
            run(resume_from=tmp_path / "state")
    assert differing(one, run(resume_from=tmp_path / "state")) == []


def test_settings_without_an_average_are_described_as_before():
    assert "ema" not in TrainSettings(epochs=1).described()
    assert TrainSettings(epochs=1, ema=0.9).described()["ema"] == 0.9
    with pytest.raises(ValueError, match=r"ema is 1\.0, must be between 0 and 1, or None"):
        TrainSettings(epochs=1, ema=1.0)
