"""What tests of backbones share."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate


@pytest.fixture
def smooth() -> Tensor:
    """Two normalised images whose neighbouring pixels are alike, as in photographs: a pooling hardly shifts them."""
    return interpolate(torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)), (96, 96), mode="bilinear")
