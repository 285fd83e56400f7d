"""What the sign is taken of under the rules `normalised` and `periodic`: forward and gradients by hand."""

import math

import pytest
import torch
from torch import nn

from spaces.layers import OpenedConv, SearchableUnit, UnitShape
from spaces.layers.latent import omega
from spaces.layers.signs import sign

DEVIATION = math.sqrt(0.625)
MEAN = 0.75 / DEVIATION


def made(method, weight, scale=None):
    """A 1x1 unit of one output without BatchNorm."""
    unit = SearchableUnit(UnitShape(len(weight), 1, 1, bare=True), [method], "none").train()
    with torch.no_grad():
        unit.weight.copy_(torch.tensor(weight).view(1, -1, 1, 1))
        if scale is not None:
            unit.alternatives[method].scale.fill_(scale)
    return unit


def pulled(unit, *signs):
    """y for inputs of these signs, which are G then, and the weight's gradient."""
    unit.zero_grad()
    y = unit(0.1 * torch.tensor(signs).view(1, -1, 1, 1))
    y.sum().backward()
    return y.item(), unit.weight.grad.flatten().tolist()


@pytest.mark.parametrize(
    ("method", "scale", "signs", "y", "gradient"),
    [
        # h = G where |v^| <= 1 = (0, 0, 1, 1): <h, v> = 0, and the mean 0.5 goes
        ("react+normalised", None, (1.0, 1.0, 1.0, 1.0), 0.75 * 0, [-0.5, -0.5, 0.5, 0.5]),
        # h = (0, 0, 1, -1): <h, v> = 1, h - v / 2.5
        ("react+normalised", None, (1.0, 1.0, 1.0, -1.0), 0.75 * 2, [-0.4, 0.4, 0.8, -0.8]),
        ("react+learned_scale+normalised", 3.0, (1.0, 1.0, 1.0, -1.0), 3.0 * 2, [-0.4, 0.4, 0.8, -0.8]),
        # Q = 0.75 ln 50 = 2.9 lets all pass: h = G, <h, v> = 1, h - 0.5 - v / 2.5; with a scale of 3 times 3 / Q
        ("react+rectified", None, (1.0, 1.0, 1.0, -1.0), 0.75 * 2, [0.1, 0.9, 0.3, -1.3]),
        (
            *("sign+learned_scale+rectified", 3.0, (1.0, 1.0, 1.0, -1.0), 3.0 * 2),
            [3 / 0.75 / math.log(50) * one for one in (0.1, 0.9, 0.3, -1.3)],
        ),
        # h = G a / d where |v^| <= 1, a = 3
        (
            *("sign+learned_scale+normalised", 3.0, (1.0, 1.0, 1.0, -1.0), 3.0 * 2),
            [3 / DEVIATION * one for one in (-0.4, 0.4, 0.8, -0.8)],
        ),
        # h = m (0, 0, 1, -1) + sign(v) 2 / 4 with m = mean |v^|: <h, v> = m + 1.5
        (
            *("sign+normalised", None, (1.0, 1.0, 1.0, -1.0), 0.75 * 2),
            [-0.1 - 0.4 * MEAN, 0.1 + 0.4 * MEAN, 0.2 + 0.8 * MEAN, -0.2 - 0.8 * MEAN],
        ),
    ],
)
def test_the_normalised_sign_by_hand(method, scale, signs, y, gradient):
    """The mean is 1: v = (1, -1, 0.5, -0.5), d^2 = 2.5 / 4, mean |v| = 0.75. The first two are over a deviation."""
    found, gradients = pulled(made(method, [2.0, 0.0, 1.5, 0.5], scale), *signs)
    assert found == pytest.approx(y)
    assert gradients == pytest.approx(gradient)


def test_weights_beyond_the_quantile_of_a_rectified_weight_get_no_gradient_of_their_own():
    """v = (9, -1 nine times), mean |v| = 1.8, Q = 7.0, d = 3: h = (0, 1 five times, -1 four times), <h, v> = -1."""
    _, gradients = pulled(made("react+rectified", [10.0] + [0.0] * 9), *[1.0] * 6, *[-1.0] * 4)
    assert gradients == pytest.approx([0.0] + [0.9 - 1 / 90] * 5 + [-1.1 - 1 / 90] * 4, abs=1e-6)


def test_in_front_of_a_batch_norm_its_result_and_gradient_are_the_papers():
    """There the scale is mean |v^|, and the gradient goes through the mean and the deviation by the chain rule."""
    torch.manual_seed(0)
    unit = SearchableUnit(UnitShape(3, 4, 3), ["bireal+normalised"], "none").double().train()
    norm = unit.alternatives["bireal+normalised"].bn
    norm.eps = 1e-30
    x, pull = torch.randn(2, 3, 6, 6).double(), torch.randn(2, 4, 6, 6).double()
    unit(x).backward(pull)
    weight = unit.weight.detach().clone().requires_grad_()
    v = (weight - weight.mean((1, 2, 3), keepdim=True)) / weight.std((1, 2, 3), keepdim=True, correction=0)
    straight = v.clamp(-1, 1)
    binary = (v.abs().mean((1, 2, 3), keepdim=True) * sign(v)).detach() + straight - straight.detach()
    y = norm(nn.functional.conv2d(sign(x), binary, padding=1))
    y.backward(pull)
    torch.testing.assert_close(unit(x), y, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(unit.weight.grad, weight.grad, rtol=1e-9, atol=1e-9)


def test_what_is_at_the_mean_is_plus_one_and_equal_weights_stay_finite():
    unit = made("react+normalised", [3.0, 1.0, 2.0])
    assert unit.alternatives["react+normalised"].levels(unit.weight)[0].flatten().tolist() == [1, -1, 1]
    y, gradient = pulled(made("sign+normalised", [2.0, 2.0]), 1.0, 1.0)
    assert y == pytest.approx(2e-12)
    assert gradient == pytest.approx([0, 0], abs=1e-6)


def test_the_sign_of_a_sine_by_hand():
    """omega = sqrt(1 / 2): the weights are pi / 6, 7 pi / 6 and 0 over it, sines 0.5, -0.5, 0, and the scale is 2.

    In both stages the gradient is G alpha omega cos(omega w); alpha's is <G, sign> or, with real weights, <G, sine>.
    """
    o = math.sqrt(0.5)
    unit = made("react+periodic", [math.pi / 6 / o, 7 * math.pi / 6 / o, 0.0], 2.0)
    one, cosine = unit.alternatives["react+periodic"], math.sqrt(0.75)
    assert omega(unit.shape) == pytest.approx(o)
    expected = pytest.approx([2 * o * cosine, 2 * o * cosine, 2 * o])
    assert pulled(unit, 1.0, -1.0, 1.0) == (2 * (1 + 1 + 1), expected)
    assert one.scale.grad.item() == pytest.approx(3)
    assert one.trace(torch.ones(1, 3, 1, 1), unit.weight).weight.flatten().tolist() == pytest.approx([1, -1, 0])
    one.inputs_only = True
    y, gradients = pulled(unit, 1.0, -1.0, 1.0)
    assert y == pytest.approx(2 * (0.5 + 0.5 + 0))
    assert gradients == expected
    assert one.scale.grad.item() == pytest.approx(1)


def test_the_first_stage_of_a_normalised_weight_convolves_it_without_its_mean():
    unit = made("react+normalised", [2.0, 0.0, 1.5, 0.5])
    unit.alternatives["react+normalised"].inputs_only = True
    assert pulled(unit, 1.0, 1.0, 1.0, -1.0) == (pytest.approx(1 - 1 + 0.5 + 0.5), [0.5, 0.5, 0.5, -1.5])


@pytest.mark.parametrize(("channels", "kernel", "expected"), [(64, 3, 17.0), (512, 3, 48.0), (32, 1, 4.0)])
def test_omega_is_one_over_the_deviation_that_weights_start_with(channels, kernel, expected):
    """sqrt(64 x 9 / 2) = 17.0, sqrt(512 x 9 / 2) = 48 and sqrt(32 / 2) = 4."""
    assert omega(UnitShape(8, channels, kernel)) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("method", ["normalised", "periodic", "rectified", "resilient"])
def test_an_opened_layer_starts_near_the_real_one(method):
    """Nothing behind it would undo another scale: with |w| all alike the two are the same."""
    torch.manual_seed(0)
    real = nn.Conv2d(6, 4, 3, padding=1, bias=False)
    with torch.no_grad():
        signs = torch.ones(4, 54).index_fill_(1, torch.arange(27), -1.0)
        real.weight.copy_(signs.view_as(real.weight) * torch.tensor([0.1, 0.2, 0.3, 0.4]).view(-1, 1, 1, 1))
    x = sign(torch.randn(2, 6, 5, 5))
    torch.testing.assert_close(OpenedConv(real, [f"bireal+{method}"]).eval()(x), real(x))
