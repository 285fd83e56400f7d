"""What tests of backbones share."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate


@pytest.fixture
def lively() -> Callable[[nn.Module], nn.Module]:
    """Gives a network BatchNorm parameters and statistics as a training would: fresh ones hide a wrong mapping."""

    def shake(network: nn.Module) -> nn.Module:
        torch.manual_seed(0)
        for norm in network.modules():
            if isinstance(norm, nn.BatchNorm2d):
                nn.init.uniform_(norm.weight, 0.5, 1.5)
                nn.init.normal_(norm.bias, std=0.2)
                norm.running_mean.normal_(0, 0.2)
                norm.running_var.uniform_(0.5, 1.5)
        return network.eval()

    return shake


@pytest.fixture
def smooth() -> Tensor:
    """Two normalised images whose neighbouring pixels are alike, as in photographs: a pooling hardly shifts them."""
    return interpolate(torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)), (96, 96), mode="bilinear")
