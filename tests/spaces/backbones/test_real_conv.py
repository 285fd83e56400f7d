import pytest
import torch

from spaces.backbones.real_conv import RealConv, pad_ends


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "before", "after"),
    [
        (4, 3, 2, 0, 1),
        (5, 3, 2, 1, 1),
        (4, 5, 2, 1, 2),
        (5, 5, 2, 2, 2),
        (4, 3, 1, 1, 1),
        (1, 5, 2, 2, 2),
        (4, 1, 2, 0, 0),
    ],
)
def test_the_odd_zero_stands_at_the_end(size, kernel, stride, before, after):
    padded = pad_ends(torch.ones(1, 1, size, size), kernel, stride)[0, 0]
    row = [0.0] * before + [1.0] * size + [0.0] * after
    assert padded.amax(0).tolist() == padded.amax(1).tolist() == row


@pytest.mark.parametrize("end_padding", [True, False])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 1), (5, 2)])
@pytest.mark.parametrize(("height", "width"), [(7, 8), (1, 3)])
def test_both_paddings_halve_upwards(end_padding, kernel, stride, height, width):
    layer = RealConv(4, 4, kernel, stride, groups=4, end_padding=end_padding).eval()
    assert layer(torch.randn(1, 4, height, width)).shape == (1, 4, -(-height // stride), -(-width // stride))


@pytest.mark.parametrize(
    ("activation", "seen"), [("none", [-1.0, 3.0, 8.0]), ("relu", [0.0, 3.0, 8.0]), ("relu6", [0.0, 3.0, 6.0])]
)
def test_the_activation_stands_in_front_and_none_at_the_end(activation, seen):
    layer = RealConv(1, 1, 1, 1, activation=activation).eval()
    torch.nn.init.constant_(layer.conv.weight, -1.0)
    layer.bn.eps = 0.0
    assert layer(torch.tensor([[[[-1.0, 3.0, 8.0]]]])).flatten().tolist() == [-x for x in seen]
