import pytest
import torch
from torch import nn

from spaces.detectors import searchable_units
from spaces.layers import SearchableUnit, UnitShape
from spaces.layers.levels import SmallMapNorm
from trainers.training.module_figures import set_progress
from trainers.training.recalibrate import recalibrate
from trainers.training.searched_signs import searches


class Normed(nn.Module):
    """Takes a list of images, as detectors do, and normalises them twice."""

    def __init__(self):
        super().__init__()
        self.first = nn.BatchNorm2d(1, momentum=0.3)
        self.conv = nn.Conv2d(1, 1, 1)
        self.second = nn.BatchNorm2d(1, affine=False, momentum=0.7)

    def forward(self, images):
        return self.second(self.conv(self.first(torch.stack(images))))


def images(*values):
    return [torch.tensor([[[value]]]) for value in values]


def test_statistics_are_the_means_over_the_batches_by_their_images():
    network = Normed()
    network.first.running_mean.fill_(100.0)  # what was measured before is forgotten
    recalibrate(network, [images(1.0, 2.0, 3.0, 4.0), images(10.0, 20.0)])
    # Means 2.5 and 15; unbiased variances (2.25 + 0.25 + 0.25 + 2.25) / 3 = 5 / 3 and (25 + 25) / 1 = 50.
    assert network.first.running_mean.item() == pytest.approx((4 * 2.5 + 2 * 15) / 6)
    assert network.first.running_var.item() == pytest.approx((4 * 5 / 3 + 2 * 50) / 6)
    assert network.first.num_batches_tracked == 2
    # The layers behind see what the layers before make of each batch: of mean 0, so that only the bias is left.
    assert network.second.running_mean.item() == pytest.approx(network.conv.bias.item(), abs=1e-5)


def test_images_may_come_from_a_generator():
    network = Normed()
    recalibrate(network, (images(value, value + 2) for value in (0.0, 4.0)))
    assert network.first.running_mean.item() == pytest.approx(3.0)


@pytest.mark.parametrize("training", [True, False])
def test_nothing_but_the_statistics_changes(supernet, images, training):
    supernet.train(training)
    before = {name: tensor.clone() for name, tensor in supernet.state_dict().items()}
    momenta = [module.momentum for module in supernet.modules() if isinstance(module, nn.BatchNorm2d)]
    recalibrate(supernet, [images, images])
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    changed = {name for name, tensor in supernet.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed
    assert all(name.endswith(statistics) for name in changed)
    assert [module.momentum for module in supernet.modules() if isinstance(module, nn.BatchNorm2d)] == momenta
    assert all(module.training == training for module in supernet.modules())
    assert all(parameter.grad is None for parameter in supernet.parameters())


def test_momenta_and_mode_come_back_when_a_batch_is_bad():
    network = Normed().eval()
    with pytest.raises(RuntimeError):
        recalibrate(network, [images(1.0, 2.0), [torch.zeros(1, 1, 1), torch.zeros(1, 2, 2)]])
    assert (network.first.momentum, network.second.momentum) == (0.3, 0.7)
    assert not network.training


def test_without_a_batch_there_is_nothing_to_measure():
    network = Normed()
    network.first.running_mean.fill_(5.0)
    with pytest.raises(ValueError, match="Recalibration needs one batch of images or more; it got none"):
        recalibrate(network, [])
    assert network.first.running_mean.item() == 5.0


def test_a_second_recalibration_gives_the_same_statistics(supernet, images):
    results = []
    for _ in range(2):
        recalibrate(supernet, [images, images[::-1]])
        results.append({name: tensor.clone() for name, tensor in supernet.state_dict().items()})
    assert all(torch.equal(results[0][name], results[1][name]) for name in results[0])


@pytest.mark.parametrize("training", [True, False])
def test_the_range_of_8_bit_inputs_is_measured_anew(training):
    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.unit = SearchableUnit(UnitShape(1, 1, 1), ["int8"], shortcut="none")

        def forward(self, images):
            return self.unit(torch.stack(images))

    network = Network().train(training)
    inputs = network.unit.alternatives["int8"]
    inputs.largest.fill_(100.0)
    recalibrate(network, [images(1.0, 2.0), images(0.5, 1.0)])
    assert inputs.largest.item() == pytest.approx(2.0 + 0.1 * (1.0 - 2.0))
    assert not inputs.observing
    network.eval()(images(50.0))
    assert inputs.largest.item() == pytest.approx(1.9)


def test_the_range_of_a_layer_that_does_not_run_stays():
    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            shape = UnitShape(1, 1, 1)
            self.used, self.unused = (SearchableUnit(shape, ["int8"], shortcut="none") for _ in range(2))

        def forward(self, images):
            return self.used(torch.stack(images))

    network = Network()
    for unit in (network.used, network.unused):
        unit.alternatives["int8"].largest.fill_(100.0)
    recalibrate(network, [images(1.0, 2.0)])
    assert network.used.alternatives["int8"].largest.item() == 2.0
    assert network.unused.alternatives["int8"].largest.item() == 100.0
    assert not network.unused.alternatives["int8"].observing


def test_a_last_image_alone_is_measured_with_the_batch_before():
    network, seen = Normed(), []
    network.first.register_forward_hook(lambda _, inputs, y: seen.append(len(inputs[0])))
    recalibrate(network, [images(1.0, 2.0), images(3.0, 4.0), images(5.0)])  # a variance of one value is refused
    assert seen == [2, 3]
    assert network.first.running_mean.item() == pytest.approx((2 * 1.5 + 3 * 4) / 5)


@pytest.mark.parametrize("method", ["dbs", "dbs+hard", "dbs+soft"])
def test_statistics_are_those_of_the_signs_that_are_evaluated(fixed, blobs, method):
    network, data = fixed(method), blobs(8)
    set_progress(searches(network), 0.2)
    batch = [torch.from_numpy(image / 255).float() for image in data.images]
    recalibrate(network, [batch])
    outputs = []
    for unit in searchable_units(network).values():
        unit.alternatives[method].bn.register_forward_hook(lambda _, inputs, y: outputs.append(y.std().item()))
    with torch.no_grad():
        network.eval()(batch)
    assert outputs == pytest.approx([1.0] * 16, abs=0.02)


def test_a_norm_that_measured_nothing_keeps_what_it_had():
    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = SmallMapNorm(1)

        def forward(self, images):
            return self.norm(torch.stack(images))

    network = Network()
    network.norm.running_mean.fill_(3.0)
    recalibrate(network, [images(1.0, 2.0)])  # two values are too few for it
    assert network.norm.running_mean.item() == 3.0
    recalibrate(network, [images(1.0, 2.0), images(1.0, 2.0, 3.0, 4.0), images(5.0, 6.0, 7.0, 8.0)])
    assert network.norm.running_mean.item() == 4.5  # the first batch says nothing
