"""A BatchNorm before the sign: one threshold a channel in evaluation."""

from functools import partial

import pytest
import torch
from torch import nn

from spaces.layers import SearchableUnit, UnitShape
from spaces.layers.channel_bias import ChannelBias
from spaces.layers.input_norm import InputNorm, input_shift
from spaces.layers.levels import LevelNorms, SmallMapNorm
from spaces.layers.signs import sign


def made(channels=2):
    norm = InputNorm(channels)
    with torch.no_grad():
        norm.norm.running_mean.copy_(torch.tensor([1.0, -2.0]))
        norm.norm.running_var.copy_(torch.tensor([4.0, 0.25]) - norm.norm.eps)
        norm.norm.bias.copy_(torch.tensor([0.25, -1.0]))
    return norm


def test_thresholds_by_hand():
    # (x - 1) / 2 + 0.25 >= 0 from x = 0.5 on; (x + 2) / 0.5 - 1 >= 0 from x = -1.5 on
    norm = made().eval()
    torch.testing.assert_close(norm.threshold(), torch.tensor([0.5, -1.5]))
    x = torch.tensor([3.0, -1.0]).view(1, 2, 1, 1)
    torch.testing.assert_close(norm(x).flatten(), torch.tensor([1.25, 1.0]))


def test_the_threshold_itself_is_above():
    norm = made().eval()
    at = norm.threshold().view(1, 2, 1, 1)
    below = torch.nextafter(at, torch.full_like(at, -9.0))
    assert sign(norm(at)).flatten().tolist() == [1, 1]
    assert sign(norm(below)).flatten().tolist() == [-1, -1]


def test_in_training_each_channel_is_centred_and_the_factor_stays_one():
    torch.manual_seed(0)
    unit = SearchableUnit(UnitShape(3, 3, 3), ["sign+input_norm"]).train()
    x = torch.randn(8, 3, 6, 6) * torch.tensor([1.0, 50.0, 0.1]).view(1, 3, 1, 1) + 7
    norm = unit.alternatives["sign+input_norm"].shift
    y = norm(x)
    torch.testing.assert_close(y.mean((0, 2, 3)), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(y.var((0, 2, 3), correction=0), torch.ones(3), atol=2e-3, rtol=0)
    unit(x).square().mean().backward()
    assert norm.norm.weight.grad is None
    assert norm.norm.bias.grad.any()


def test_a_second_look_at_a_map_leaves_the_statistics():
    torch.manual_seed(0)
    unit = SearchableUnit(UnitShape(3, 3, 3), ["react+input_norm"]).train()
    x, one = torch.randn(4, 3, 6, 6), unit.alternatives["react+input_norm"]
    one.shift.untracked(x[:1, :, :1, :1])  # one value a channel has no variance
    before = {name: buffer.clone() for name, buffer in one.shift.named_buffers()}
    trace = one.trace(x, unit.weight)
    assert all(torch.equal(buffer, before[name]) for name, buffer in one.shift.named_buffers())
    assert torch.equal(trace.binary_input, sign(one.shift(x)))
    assert not torch.equal(one.shift.norm.running_mean, before["norm.running_mean"])
    one.shift.norm.forward = torch.zeros_like  # as `synchronised_norms` sets one where processes share a batch
    assert not one.shift.untracked(x).any()


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ({}, InputNorm),
        ({"norm": "if_binary"}, InputNorm),
        ({"build_norm": SmallMapNorm}, InputNorm),
        ({"norm": "never"}, ChannelBias),
        ({"bare": True}, ChannelBias),
        ({"build_norm": partial(LevelNorms, levels=2)}, ChannelBias),
        ({"build_norm": partial(nn.GroupNorm, 2)}, ChannelBias),
    ],
)
def test_places_whose_maps_have_other_statistics_from_call_to_call_have_a_learned_threshold(place, kind):
    assert type(input_shift(UnitShape(4, 4, 3, **place))) is kind
