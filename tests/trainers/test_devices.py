import torch
from torch import nn

from trainers.devices import freeze


def test_a_frozen_network_is_in_evaluation_mode_and_takes_no_gradient():
    network = freeze(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).train())
    assert not network.training
    assert not network[1].training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert not network(torch.zeros(1, 3, 8, 8)).requires_grad
