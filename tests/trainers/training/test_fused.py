"""Fused optimizers against torch's plain ones, whatever the layout of a gradient."""

from functools import partial

import pytest
import torch
from torch import nn

from trainers.training import fused

PAIRS = {
    "adam": (fused.adam, torch.optim.Adam),
    "adamw": (fused.adamw, torch.optim.AdamW),
    "sgd": (partial(fused.sgd, momentum=0.9), partial(torch.optim.SGD, momentum=0.9)),
}


def after_steps(make, layout):
    """A channels-last kernel and a bias after three steps, whose gradients of the kernel have this layout."""
    generator = torch.Generator().manual_seed(0)
    kernel = nn.Parameter(torch.rand(4, 3, 2, 2, generator=generator).to(memory_format=torch.channels_last))
    bias, unused = nn.Parameter(torch.rand(4, generator=generator)), nn.Parameter(torch.ones(2))
    weights = {"params": [kernel, unused], "lr": 0.1, "weight_decay": 0.01}
    optimizer = make([weights, {"params": [bias], "lr": 0.01, "weight_decay": 0.0}])
    for _ in range(3):
        kernel.grad = torch.rand(4, 3, 2, 2, generator=generator).to(memory_format=layout)
        bias.grad = torch.rand(4, generator=generator)
        optimizer.step()
    assert unused.tolist() == [1.0, 1.0]
    return kernel.detach(), bias.detach()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("name", PAIRS)
def test_a_gradient_of_any_layout_reaches_its_own_weights(name, layout):
    ours, plain = PAIRS[name]
    torch.testing.assert_close(after_steps(ours, layout), after_steps(plain, layout))
