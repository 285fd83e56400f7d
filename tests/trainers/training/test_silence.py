"""Latent weights whose signs hardly flip are drawn to zero: numbers by hand, and a training cut off in the middle."""

import pytest
import torch
from torch import nn

from spaces.layers import SearchableUnit, UnitShape
from trainers.training.loop import Task, train
from trainers.training.settings import TrainSettings
from trainers.training.silence import SilenceDecay, SilentWeights

QUICK = SilenceDecay(decay=0.5, momentum=0.5, threshold=0.3)


def test_a_weight_decays_while_its_sign_flips_less_often_than_the_threshold():
    """SGD at a rate of 0.1, the loss's gradient is 2 throughout, t begins at 0, and a flip makes it (t + 1) / 2.

    w = 0.1,    t = 0:    g = 2 + 0.5 x 0.1    = 2.05    w = -0.105,  which flips: t = 0.5
    w = -0.105, t = 0.5:  g = 2                           w = -0.305,   t = 0.25
    w = -0.305, t = 0.25: g = 2 - 0.5 x 0.305  = 1.8475  w = -0.48975, t = 0.125
    """
    weight = nn.Parameter(torch.tensor([0.1]))
    optimizer, silent = torch.optim.SGD([weight], lr=0.1), SilentWeights([weight], QUICK)
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
    silent = SilentWeights([used, idle], QUICK)
    silent.load_state_dict({"rates": [torch.tensor([0.5]), torch.tensor([0.5])]})
    used.grad = torch.tensor([0.0])
    with silent.updating():
        pass
    assert [rate.item() for rate in silent.state_dict()["rates"]] == [0.25, 0.5]
    assert idle.grad is None
    assert silent.figures() == {"silent": 0.5}
    assert SilentWeights([], QUICK).figures() == {}


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


@pytest.mark.usefixtures("every_step_is_kept")
def test_a_training_cut_off_ends_with_the_bits_of_an_unbroken_one(blobs, tmp_path):
    """Of a unit of each kind: the real one's weight has no such decay."""

    def trained(silence, fail_at=None, seed=0, resume_from=None):
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
        train(nn.ModuleDict({"network": network}), step_losses, blobs(8), settings, task)
        return network.state_dict()

    often = SilenceDecay(decay=10.0, momentum=0.9, threshold=0.01)
    unbroken, kept = trained(often), tmp_path / "toy.state"
    with pytest.raises(KeyboardInterrupt):
        trained(often, fail_at=(2, 1), resume_from=kept)
    resumed = trained(often, seed=9, resume_from=kept)
    assert [name for name in unbroken if not torch.equal(unbroken[name], resumed[name])] == []
    without = trained(None)
    assert not torch.equal(without["0.weight"], unbroken["0.weight"])
    assert torch.equal(without["1.weight"], unbroken["1.weight"])
