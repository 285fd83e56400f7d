"""LWS-Det's layer-wise losses, with numbers that a reader can work out."""

import math

import pytest
import torch
import torch.nn.functional as F

from spaces.layers import UnitShape
from spaces.layers.real import convolve
from spaces.layers.signs import sign
from spaces.layers.weight_rules import Searched, StraightThrough
from trainers.distill.layerwise import (
    amplitude_loss,
    angular_loss,
    binary_cosines,
    real_cosines,
    weight_reconstruction_loss,
)

NORMS = ("patch", "whole")
POINT = UnitShape(in_channels=2, out_channels=1, kernel=1, stride=1)
SQUARE = UnitShape(in_channels=3, out_channels=4, kernel=3, stride=1)
STRIDED = UnitShape(in_channels=3, out_channels=4, kernel=3, stride=2)


def loss_of(x, weight, binary_weight, shape, pad_value=0.0, norms="patch"):
    """The whole path from an input, a real and a binary weight to the angular loss."""
    real = real_cosines(convolve(x, weight, shape), x, weight, shape, norms)
    product = convolve(sign(x), binary_weight, shape, pad_value)
    return angular_loss(real, binary_cosines(product, x.shape[-2:], shape, pad_value, norms))


def drawn(shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, shape.in_channels, 6, 6, generator=generator), torch.randn(shape.weight, generator=generator)


def test_a_1x1_layer_by_hand():
    x = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)
    weight = torch.tensor([1.0, 0.0]).view(POINT.weight)
    against = torch.tensor([1.0, -1.0]).view(POINT.weight)
    # cos(a, w) = 3 / 5; the signs (1, 1) and (1, -1) are at right angles, (1, 1) and (1, 1) parallel.
    assert loss_of(x, weight, against, POINT).item() == pytest.approx(0.6**2)
    assert loss_of(x, weight, torch.ones(POINT.weight), POINT).item() == pytest.approx(0.4**2)
    assert loss_of(x, weight, against, POINT, norms="whole").item() == pytest.approx(0.6**2)  # the patch is all


def test_whole_norms_by_hand():
    shape = UnitShape(in_channels=1, out_channels=2, kernel=1, stride=1)
    x = torch.tensor([[3.0, -4.0], [0.0, 12.0]]).view(2, 1, 1, 2)  # |a| is 5 and 12, by image
    weight = torch.tensor([[2.0], [-1.0]]).view(shape.weight)
    got = real_cosines(convolve(x, weight, shape), x, weight, shape, "whole")
    five, twelve = 5 * math.sqrt(5), 12 * math.sqrt(5)
    expected = [[6 / five, -8 / five, -3 / five, 4 / five], [0.0, 24 / twelve, 0.0, -12 / twelve]]
    torch.testing.assert_close(got.flatten(1), torch.tensor(expected))
    binary = binary_cosines(convolve(sign(x), sign(weight), shape), (1, 2), shape, norms="whole")
    # |a^| = sqrt(1 * 1 * 2), |w^| = sqrt(2): all cosines are +1/2 or -1/2.
    torch.testing.assert_close(binary.flatten(1), torch.tensor([[1.0, -1, -1, 1], [1, 1, -1, -1]]) / 2)


@pytest.mark.parametrize("norms", NORMS)
@pytest.mark.parametrize("pad_value", [0.0, -1.0])
def test_parallel_maps_cost_nothing(norms, pad_value):
    """Inputs and filters of one magnitude lie on their own signs; -1 outside has no real counterpart at the border."""
    shape = UnitShape(3, 4, 1, 1) if pad_value else SQUARE
    x, weight = drawn(shape)
    x, weight = 0.7 * sign(x), 0.2 * sign(weight)
    assert loss_of(x, weight, sign(weight), shape, pad_value, norms).item() == pytest.approx(0, abs=1e-12)


def test_exactly_opposite_maps_cost_four_with_patch_norms():
    shape = UnitShape(2, 3, 1, 1)
    x = torch.full((1, 2, 4, 4), 0.3)
    weight = torch.full(shape.weight, 0.5)
    assert loss_of(x, weight, -torch.ones(shape.weight), shape).item() == pytest.approx(4.0)


@pytest.mark.parametrize("norms", NORMS)
@pytest.mark.parametrize("shape", [SQUARE, STRIDED])
def test_the_loss_does_not_see_the_size_of_inputs_or_weights(norms, shape):
    x, weight = drawn(shape)
    latent = drawn(shape, seed=1)[1]
    once = loss_of(x, weight, sign(latent), shape, norms=norms).item()
    assert once > 0
    for scaled_x, scaled_weight, scaled_latent in ((8.0, 1.0, 1.0), (1.0, 0.01, 1.0), (3.0, 5.0, 7.0)):
        again = loss_of(x * scaled_x, weight * scaled_weight, sign(latent * scaled_latent), shape, norms=norms)
        assert again.item() == pytest.approx(once, rel=1e-4)


@pytest.mark.parametrize("pad_value", [0.0, -1.0])
@pytest.mark.parametrize("shape", [SQUARE, STRIDED])
def test_patch_cosines_are_cosines_of_the_patches(shape, pad_value):
    x, weight = drawn(shape)
    product = convolve(x, weight, shape)
    columns = F.unfold(x, shape.kernel, padding=shape.padding, stride=shape.stride)  # (N, Ci k k, places)
    filters = weight.flatten(1)[None, :, :, None]
    expected = F.cosine_similarity(columns[:, None], filters, dim=2).view_as(product)
    torch.testing.assert_close(real_cosines(product, x, weight, shape), expected)

    padded = F.pad(sign(x), (1,) * 4, value=pad_value)
    columns = F.unfold(padded, shape.kernel, stride=shape.stride)
    expected = F.cosine_similarity(columns[:, None], sign(filters), dim=2).view_as(product)
    binary = convolve(sign(x), sign(weight), shape, pad_value)
    torch.testing.assert_close(binary_cosines(binary, (6, 6), shape, pad_value), expected)
    if pad_value:
        torch.testing.assert_close(binary_cosines(binary, (6, 6), shape, pad_value), binary / 27)  # Ci k k exactly


def test_a_patch_of_zeros_has_no_angle():
    x, weight = torch.zeros(1, 3, 6, 6), drawn(SQUARE)[1]
    assert torch.equal(real_cosines(convolve(x, weight, SQUARE), x, weight, SQUARE), torch.zeros(1, 4, 6, 6))
    assert torch.equal(real_cosines(convolve(x, weight, SQUARE), x, weight, SQUARE, "whole"), torch.zeros(1, 4, 6, 6))


@pytest.mark.parametrize("rule", [StraightThrough("clipped"), Searched("hard"), Searched("soft")])
def test_the_angular_gradient_reaches_the_latent_weight_or_its_logits(rule):
    x, weight = drawn(SQUARE)
    latent = (drawn(SQUARE, seed=1)[1] * 0.3).requires_grad_()
    loss_of(x, weight, rule.signs(latent), SQUARE).backward()
    assert latent.grad.count_nonzero() == latent.numel()


def test_a_relaxed_weight_gives_the_mean_cosine_of_its_candidates():
    """p- = 1/4, p+ = 3/4: the relaxed weight is 1/2, and the mean of the cosines -1 and +1 is 1/2."""
    shape = UnitShape(1, 1, 1, 1)
    relaxed = Searched("soft").signs(torch.full(shape.weight, math.log(3)))
    product = convolve(torch.ones(1, 1, 1, 1), relaxed, shape)
    assert binary_cosines(product, (1, 1), shape).item() == pytest.approx(0.5)


def test_the_amplitude_loss_is_least_where_least_squares_puts_the_scale():
    x, weight = drawn(SQUARE)
    real, binary = convolve(x, weight, SQUARE), convolve(sign(x), sign(weight), SQUARE)
    best = (real * binary).sum((0, 2, 3)) / binary.square().sum((0, 2, 3))
    scale = best.view(-1, 1, 1, 1).clone().requires_grad_()
    least = amplitude_loss(real, binary, scale)
    least.backward()
    torch.testing.assert_close(scale.grad, torch.zeros_like(scale), atol=1e-6, rtol=0)
    for step in (-0.01, 0.01):
        assert amplitude_loss(real, binary, scale.detach() + step) > least


def test_the_amplitude_loss_by_hand_holds_the_binary_weight_fixed():
    real, binary = torch.tensor([3.0, 1.0]).view(1, 2, 1, 1), torch.tensor([2.0, -2.0]).view(1, 2, 1, 1)
    binary.requires_grad_()
    scale = torch.tensor([1.0, 0.5]).view(2, 1, 1, 1).requires_grad_()
    loss = amplitude_loss(real, binary, scale)
    assert loss.item() == pytest.approx((1 + 4) / 2)  # 3 - 2, 1 + 1
    loss.backward()
    # (2 / 2) (alpha y^ - y) y^: (2 - 3) * 2 and (-1 - 1) * -2
    assert scale.grad.flatten().tolist() == pytest.approx([-2.0, 4.0])
    assert binary.grad is None


def test_the_weight_reconstruction_by_hand():
    weight = torch.tensor([[0.5, -0.1], [0.3, 0.2]]).view(2, 2, 1, 1)
    binary = sign(weight).requires_grad_()
    scale = torch.tensor([0.3, 0.25]).view(2, 1, 1, 1).requires_grad_()
    loss = weight_reconstruction_loss(weight, binary, scale)
    assert loss.item() == pytest.approx((0.2**2 + 0.2**2 + 0.05**2 + 0.05**2) / 4)
    loss.backward()
    assert binary.grad is not None
    torch.testing.assert_close(scale.grad, torch.zeros_like(scale))  # the mean magnitude is least squares' scale


@pytest.mark.parametrize("norms", ["patch", "whole"])
def test_a_filter_of_zeros_has_no_angle(norms):
    shape = UnitShape(1, 2, 1, 1)
    x, weight = torch.ones(1, 1, 2, 2), torch.tensor([0.0, 0.0]).view(2, 1, 1, 1)
    assert real_cosines(convolve(x, weight, shape), x, weight, shape, norms).tolist() == [[[[0.0] * 2] * 2] * 2]
