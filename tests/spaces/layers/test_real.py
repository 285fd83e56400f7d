"""The 8-bit alternative, against a reference quantizer written out in numpy."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from spaces.layers import SearchableUnit, UnitShape
from spaces.layers.real import Quantized, activated


def quantized(values, step, low, high):
    """Integers in low..high, half to even, and back."""
    return np.clip(np.round(values / step), low, high) * step


def test_weights_and_inputs_are_rounded_as_a_reference_quantizer_does():
    torch.manual_seed(0)
    shape = UnitShape(3, 4, 3, 1)
    unit, x, weight = Quantized(shape, bits=8).eval(), torch.randn(2, 3, 6, 6), torch.randn(4, 3, 3, 3)
    unit.largest.fill_(2.5)  # some inputs lie above it and are clipped
    inputs = quantized(x.clamp(min=0).numpy(), 2.5 / 255, 0, 255)
    steps = np.abs(weight.numpy()).max(axis=(1, 2, 3), keepdims=True) / 127
    weights = quantized(weight.numpy(), steps, -127, 127)
    expected = unit.bn(F.conv2d(torch.tensor(inputs), torch.tensor(weights), padding=1))
    torch.testing.assert_close(unit(x, weight), expected, rtol=1e-4, atol=1e-5)


def test_a_place_without_activation_has_signed_inputs():
    unit = Quantized(UnitShape(1, 1, 1, 1, activation="none"), bits=8).eval()
    unit.largest.fill_(1.27)
    x = torch.tensor([-1.27, -0.004, 0.016, 5.0]).view(1, 1, 1, 4)
    y = unit(x, torch.ones(1, 1, 1, 1)) * (1 + 1e-5) ** 0.5  # a fresh BatchNorm divides by that
    assert y.flatten().tolist() == pytest.approx([-1.27, 0.0, 0.02, 1.27], abs=1e-5)


def test_the_range_is_the_first_maximum_and_then_follows_by_a_tenth():
    unit = Quantized(UnitShape(1, 1, 1, 1), bits=8).train()
    for highest in (4.0, 2.0):
        unit(torch.tensor([0.5, highest, -9.0, 1.0]).view(1, 1, 2, 2), torch.ones(1, 1, 1, 1))
    assert unit.largest.item() == pytest.approx(0.9 * 4.0 + 0.1 * 2.0)
    unit.eval()
    unit(torch.full((1, 1, 2, 2), 100.0), torch.ones(1, 1, 1, 1))
    assert unit.largest.item() == pytest.approx(3.8)  # measuring changes nothing


def test_gradients_pass_the_rounding_and_stop_at_clipped_inputs():
    unit = Quantized(UnitShape(1, 1, 1, 1), bits=8).eval()
    unit.largest.fill_(1.0)
    x = torch.tensor([0.31, 0.71, 2.0, -1.0]).view(1, 1, 2, 2).requires_grad_()
    weight = torch.tensor([[[[0.5]]]]).requires_grad_()
    unit(x, weight).sum().backward()
    factor = 0.5 / (1 + 1e-5) ** 0.5
    assert x.grad.flatten().tolist() == pytest.approx([factor, factor, 0, 0])
    assert weight.grad.item() == pytest.approx((79 / 255 + 181 / 255 + 1) / (1 + 1e-5) ** 0.5, rel=1e-4)


def test_int8_is_close_to_real_and_bends_like_it():
    torch.manual_seed(0)
    unit = SearchableUnit(UnitShape(8, 8, 3), ["real", "int8"]).train()
    x = torch.randn(4, 8, 10, 10)
    real = unit(x)
    unit.activate("int8")
    assert (unit(x) - real).abs().max() < 0.05 * real.abs().max()


@pytest.mark.parametrize(("activation", "expected"), [("relu", [0, 2, 9]), ("relu6", [0, 2, 6]), ("none", [-3, 2, 9])])
def test_pre_activations(activation, expected):
    assert activated(torch.tensor([-3.0, 2.0, 9.0]), activation).tolist() == expected
