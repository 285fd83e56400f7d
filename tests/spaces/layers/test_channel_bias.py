"""ReActNet's and JDBNet's shifts."""

import pytest
import torch

from spaces.layers.channel_bias import ChannelBias, DynamicChannelBias, ShiftedPReLU
from spaces.layers.signs import sign


def test_a_bias_moves_the_threshold_of_a_sign():
    shift = ChannelBias(2)
    x = torch.tensor([0.3, -0.3]).view(1, 2, 1, 1)
    assert sign(shift(x)).flatten().tolist() == [1, -1]
    with torch.no_grad():
        shift.bias.copy_(torch.tensor([-0.5, 0.5]))  # RSign's a = 0.5 and -0.5
    assert sign(shift(x)).flatten().tolist() == [-1, 1]


def test_a_shifted_prelu_by_hand():
    activation = ShiftedPReLU(1)
    with torch.no_grad():
        activation.before.bias.fill_(-1.0)  # g = 1
        activation.after.bias.fill_(0.5)  # z
        activation.prelu.weight.fill_(0.1)  # b
    x = torch.tensor([3.0, 1.0, -1.0]).view(3, 1, 1, 1)
    assert activation(x).flatten().tolist() == pytest.approx([3 - 1 + 0.5, 0.5, 0.1 * -2 + 0.5])


def test_a_dynamic_bias_starts_as_none_and_then_depends_on_the_image():
    torch.manual_seed(0)
    shift = DynamicChannelBias(32)
    x = torch.randn(2, 32, 4, 4)
    assert torch.equal(shift(x), x)
    shift(x).square().sum().backward()
    assert shift.excite.weight.grad.count_nonzero() > 0  # zero at first, but it learns
    torch.nn.init.normal_(shift.excite.weight)
    moved = shift(x) - x
    assert torch.allclose(moved, moved[:, :, :1, :1].expand_as(moved), atol=1e-6)  # one number a channel and image
    assert not torch.allclose(moved[0], moved[1])


def test_a_dynamic_bias_by_hand():
    shift = DynamicChannelBias(2)
    assert shift.squeeze.weight.shape == (4, 2)  # never fewer than four hidden numbers
    with torch.no_grad():
        shift.squeeze.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [0.0, 0.0]]))
        shift.excite.weight.copy_(torch.tensor([[0.5, 0.0, 0.0, 0.0], [0.0, 0.5, 0.0, 0.0]]))
        shift.bias.copy_(torch.tensor([0.1, 0.2]))
        shift.size.fill_(2.0)
    x = torch.tensor([[[1.0, 3.0]], [[-1.0, -1.0]]])[None]  # means 2 and -1: relu gives 2 and 0
    expected = x + torch.tensor([0.1 + 2 * torch.tanh(torch.tensor(1.0)), 0.2])[None, :, None, None]
    torch.testing.assert_close(shift(x), expected)
