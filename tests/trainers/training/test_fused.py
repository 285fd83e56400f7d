"""Fused optimizers against torch's plain ones: layouts, late gradients, loaded states, steps that are left out."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from trainers.training import fused

PAIRS = {"adam": (fused.adam, torch.optim.Adam), "adamw": (fused.adamw, torch.optim.AdamW)}
LAYOUTS = [torch.contiguous_format, torch.channels_last]


class Stepping:
    """A channels-last kernel, a bias, and a weight that gets no gradient before the third step, with an optimizer."""

    def __init__(self, make):
        self._generator = torch.Generator().manual_seed(0)
        kernel = self._drawn(4, 3, 2, 2).to(memory_format=torch.channels_last)
        self.kernel, self.bias, self.late = (nn.Parameter(one) for one in (kernel, self._drawn(4), self._drawn(2)))
        weights = {"params": [self.kernel, self.late], "lr": 0.1, "weight_decay": 0.01}
        self.optimizer = make([weights, {"params": [self.bias], "lr": 0.01, "weight_decay": 0.0}])

    def _drawn(self, *shape):
        return torch.rand(*shape, generator=self._generator)

    def step(self, layout, *, late=False):
        self.kernel.grad = self._drawn(4, 3, 2, 2).to(memory_format=layout)
        self.bias.grad, self.late.grad = self._drawn(4), torch.ones(2) if late else None
        self.optimizer.step()

    def weights(self):
        return [one.detach().clone() for one in (self.kernel, self.bias, self.late)]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", PAIRS)
def test_gradients_of_any_layout_reach_their_own_weights_and_late_ones_too(name, layout):
    found = []
    for make in PAIRS[name]:
        one = Stepping(make)
        for number in range(4):
            one.step(layout, late=number > 1)
        found.append(one.weights())
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", PAIRS)
def test_a_state_of_a_plain_optimizer_is_gone_on_with(name, layout):
    """Whatever the layout in which it comes from the file."""
    ours, plain = map(Stepping, PAIRS[name])
    for one in (ours, plain):
        one.step(torch.channels_last)
    state = deepcopy(plain.optimizer.state_dict())
    for values in state["state"].values():
        values |= {name: value.contiguous(memory_format=layout) for name, value in values.items() if value.ndim == 4}
    ours.optimizer.load_state_dict(state)
    assert all(group["fused"] for group in ours.optimizer.param_groups)
    for one in (ours, plain):
        one.step(torch.contiguous_format)
    torch.testing.assert_close(ours.weights(), plain.weights())


def test_a_step_whose_gradient_overflowed_is_left_out_after_a_plain_state_was_loaded():
    ours, plain = map(Stepping, PAIRS["adamw"])
    plain.step(torch.channels_last)
    ours.optimizer.load_state_dict(plain.optimizer.state_dict())
    before, scaler = ours.weights(), torch.amp.GradScaler("cpu", init_scale=4.0)
    scaler.scale(ours.kernel.sum() * float("inf")).backward()
    scaler.unscale_(ours.optimizer)
    scaler.step(ours.optimizer)
    scaler.update()
    assert scaler.get_scale() == 2.0
    assert all(torch.equal(*pair) for pair in zip(ours.weights(), before, strict=True))
