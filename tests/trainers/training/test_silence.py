"""Latent weights whose signs hardly flip are drawn to zero: numbers by hand, and trainings cut off in the middle."""

import numpy as np
import pytest
import torch
from several_processes import Doubled, in_processes
from torch import nn

from spaces.layers import SearchableUnit, UnitShape
from spaces.layers.opened import OpenedLinear
from spaces.layers.signs import sign
from trainers.training import step
from trainers.training.loop import Task, train
from trainers.training.settings import TrainSettings
from trainers.training.silence import SilenceDecay, SilentWeights, signed_weights

QUICK = SilenceDecay(decay=0.5, momentum=0.5, threshold=0.3)


def own_sign(weight):
    """A weight of which a method convolves the sign itself."""
    return weight, lambda: sign(weight)


def test_a_weight_decays_while_its_sign_flips_less_often_than_the_threshold():
    """SGD at a rate of 0.1, the loss's gradient is 2 throughout, t begins at 0, and a flip makes it (t + 1) / 2.

    w = 0.1,    t = 0:    g = 2 + 0.5 x 0.1    = 2.05    w = -0.105,  which flips: t = 0.5
    w = -0.105, t = 0.5:  g = 2                           w = -0.305,   t = 0.25
    w = -0.305, t = 0.25: g = 2 - 0.5 x 0.305  = 1.8475  w = -0.48975, t = 0.125
    """
    weight = nn.Parameter(torch.tensor([0.1]))
    optimizer, silent = torch.optim.SGD([weight], lr=0.1), SilentWeights([own_sign(weight)], QUICK)
    found = []
    for _ in range(3):
        weight.grad = torch.tensor([2.0])
        with silent.updating():
            optimizer.step()
        found.append((weight.item(), silent.state_dict()["rates"][0].item(), silent.figures()["silent"]))
    assert found == [
        (pytest.approx(-0.105), 0.5, 0.0),
        (pytest.approx(-0.305), 0.25, 1.0),
        (pytest.approx(-0.48975), 0.125, 1.0),
    ]


def test_a_step_that_gives_a_weight_no_gradient_is_not_counted():
    used, idle = (nn.Parameter(torch.tensor([one])) for one in (0.0, 0.0))
    silent = SilentWeights([own_sign(used), own_sign(idle)], QUICK)
    silent.load_state_dict({"rates": [torch.tensor([0.5]), torch.tensor([0.5])]})
    used.grad = torch.tensor([0.0])
    with silent.updating():
        pass
    assert [rate.item() for rate in silent.state_dict()["rates"]] == [0.25, 0.5]
    assert idle.grad is None
    assert silent.figures() == {"silent": 0.5}
    assert SilentWeights([], QUICK).figures() == {}


@pytest.mark.parametrize(
    ("method", "before", "after", "flipped"),
    [
        ("react", [0.3, 0.1], [0.2, -0.3], [0, 1]),
        ("react+resilient", [0.3, 0.1], [0.2, -0.3], [0, 1]),
        ("react+normalised", [0.3, 0.1], [0.2, 0.3], [1, 1]),  # less the mean: 0.1, -0.1 and -0.05, 0.05
        ("react+normalised", [0.3, 0.1], [-0.1, -0.3], [0, 0]),
        ("adabin", [0.3, 0.1], [0.2, 0.3], [1, 1]),
        ("react+periodic", [4.0, 1.0], [5.0, -1.0], [1, 1]),  # sin(w / sqrt 2) passes zero at 4.44 too
        ("react+periodic", [4.0, 1.0], [9.0, 2.0], [0, 0]),
        ("lcb", [0.3, -0.15], [0.3, -0.05], [0, 1]),  # with a bias of 0.1
    ],
)
def test_the_sign_that_counts_is_the_one_that_is_convolved(method, before, after, flipped):
    unit = SearchableUnit(UnitShape(2, 1, 1), [method])
    if method == "lcb":
        nn.init.constant_(unit.alternatives[method].weight_shift.bias, 0.1)
    assert rates_of(unit, before, after) == [rate / 2 for rate in flipped]


class OwnLayer(nn.Module):
    """A layer of a user's own, which says that its weight is latent."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([0.0, -2.0]))

    def parameter_groups(self):
        return {"latent": [self.weight]}


def test_a_layer_of_ones_own_is_counted_by_its_weights_sign():
    layer = OwnLayer()
    [(weight, signs)] = signed_weights(layer)
    assert weight is layer.weight
    assert signs().tolist() == [1, -1]


def test_of_several_methods_the_active_one_decides_or_the_first_that_reads_the_weight():
    unit = SearchableUnit(UnitShape(2, 1, 1), ["real", "sign", "react+normalised", "dbs"])
    unit.split_weight()
    for active, rates in (("react+normalised", [0.5, 0.5]), ("sign", [0, 0]), ("dbs", [0, 0]), ("real", [0, 0])):
        unit.activate(active)
        assert rates_of(unit, [0.3, 0.1], [0.2, 0.3]) == rates
    linear = OpenedLinear(nn.Linear(2, 1), ["sign+normalised"])
    assert rates_of(linear, [0.3, 0.1], [0.2, 0.3]) == [0.5, 0.5]


def rates_of(unit, before, after):
    """The rates of two weights after a step that moves them."""
    [(weight, _)] = weights = signed_weights(unit)
    silent = SilentWeights(weights, QUICK)
    weight.grad = torch.zeros_like(weight)
    with torch.no_grad():
        weight.copy_(torch.tensor(before).view_as(weight))
        with silent.updating():
            weight.copy_(torch.tensor(after).view_as(weight))
    return silent.state_dict()["rates"][0].flatten().tolist()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"decay": 0.0}, r"The decay of silent weights is 0\.0, must be positive\."),
        ({"momentum": 1.0}, r"The momentum of silent weights is 1\.0, must be 0 or more and below 1\."),
        ({"threshold": -0.1}, r"The threshold of silent weights is -0\.1, must be 0 or more and below 1\."),
    ],
)
def test_what_is_no_decay_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        SilenceDecay(**settings)


@pytest.fixture
def trained(blobs, monkeypatch):
    """Trains a unit of each kind: the real one's weight has no such decay. Returns weights, and rates as `rates`."""
    monkeypatch.setattr(step, "SilentWeights", Kept)

    def run(silence, fail_at=None, seed=0, resume_from=None):
        torch.manual_seed(seed)
        units = [SearchableUnit(UnitShape(3, 4, 3), [method]) for method in ("react", "real")]
        network = nn.ModuleList(units).train()

        def step_losses(batch, epoch, step):
            if (epoch, step) == fail_at:
                raise KeyboardInterrupt
            images = torch.stack(batch[0])[..., :8, :8]
            return [{"loss": sum((unit(images) - 0.1).square().mean() for unit in units)}]

        settings = TrainSettings(epochs=3, batch_size=4, silence_decay=silence)
        task = Task(stage="toy", seed=3, resume_from=resume_from)
        train(nn.ModuleDict({"network": network}), step_losses, Doubled(blobs(8)), settings, task)
        rates = {} if silence is None else {"rates": Kept.last.state_dict()["rates"][0]}
        return {name: tensor.numpy() for name, tensor in (network.state_dict() | rates).items()}

    torch.set_default_dtype(torch.float64)
    yield run
    torch.set_default_dtype(torch.float32)


class Kept(SilentWeights):
    """The last one that was made."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        Kept.last = self


OFTEN = SilenceDecay(decay=10.0, momentum=0.9, threshold=0.01)


@pytest.mark.usefixtures("every_step_is_kept")
@pytest.mark.parametrize("count", [1, 2])
def test_a_training_cut_off_ends_with_the_bits_of_an_unbroken_one(trained, tmp_path, count):
    """All processes have the same rates and weights, those of one process."""
    kept = tmp_path / "toy.state"

    def in_all(work):
        return [work()] if count == 1 else in_processes(count, work, tmp_path)

    def begun():
        with pytest.raises(KeyboardInterrupt):
            trained(OFTEN, fail_at=(2, 1), resume_from=kept)

    one, unbroken = trained(OFTEN), in_all(lambda: trained(OFTEN))
    in_all(begun)
    resumed = in_all(lambda: trained(OFTEN, seed=9, resume_from=kept))
    for other in (*unbroken, *resumed):
        assert [name for name in one if not np.array_equal(other[name], unbroken[0][name])] == []
    for name, value in one.items():
        np.testing.assert_allclose(unbroken[0][name], value, atol=1e-9, err_msg=name)
    assert 0 < (one["rates"] > 0).mean() < 1
    without = trained(None)
    assert not np.allclose(without["0.weight"], one["0.weight"])
    assert np.array_equal(without["1.weight"], one["1.weight"])
