"""A batch that goes through the network in parts."""

import numpy as np
import pytest
import torch
from torch import nn

from trainers.training.accumulation import parts_of
from trainers.training.loop import Task, train
from trainers.training.settings import TrainSettings


def test_a_batch_is_split_in_its_order():
    images, targets = [torch.full((3, 2, 2), float(index)) for index in range(6)], [{"n": index} for index in range(6)]
    parts = list(parts_of((images, targets), 3))
    assert [[target["n"] for target in part[1]] for part in parts] == [[0, 1], [2, 3], [4, 5]]
    assert torch.equal(parts[2][0][1], images[5])
    with pytest.raises(ValueError, match=r"A batch of 6 images can't be split into 4 equal parts"):
        list(parts_of((images, targets), 4))


class Frozen(nn.Module):
    """A convolution behind a BatchNorm that doesn't learn, and its loss: a mean over images."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, 4, 3, stride=8), nn.BatchNorm2d(3).requires_grad_(False)

    def train(self, mode=True):
        super().train(mode)
        self.bn.eval()
        return self

    def loss(self, images, targets):
        y = self.conv(self.bn(torch.stack(images))).mean((2, 3))
        return ((y - torch.stack([target["boxes"][0] for target in targets]) / 96) ** 2).mean()


def trained(data, accumulate):
    torch.manual_seed(0)
    modules, sizes = nn.ModuleDict({"network": Frozen()}), []

    def step_losses(batch, epoch, step):
        sizes.append(len(batch[0]))
        return [{"frozen": modules["network"].loss(*batch)}]

    settings = TrainSettings(epochs=5, batch_size=8, accumulate=accumulate)
    train(modules, step_losses, data, settings, Task(stage="t", seed=0))
    return modules.state_dict(), sizes


def test_its_steps_are_those_of_the_whole_batch_where_losses_are_means(blobs):
    whole, sizes = trained(blobs(16), 1)
    parts, sizes_of_parts = trained(blobs(16), 4)
    assert (sizes, sizes_of_parts) == ([8] * 10, [2] * 40)
    for name, value in whole.items():
        np.testing.assert_allclose(parts[name], value, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("accumulate", [0, 3, 8])
def test_parts_that_arent_equal_or_too_small_are_refused(accumulate):
    with pytest.raises(ValueError, match=f"accumulate is {accumulate}, must split the batch_size of 8 into equal par"):
        TrainSettings(epochs=1, batch_size=8, accumulate=accumulate)


def test_it_is_recorded_only_where_it_is_asked_for():
    assert "accumulate" not in TrainSettings(epochs=1).described()
    assert TrainSettings(epochs=1, accumulate=2).described()["accumulate"] == 2
