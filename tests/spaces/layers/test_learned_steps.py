"""LSQ (arXiv:1902.08153), forward and backward, against numbers worked out by hand."""

import math

import pytest
import torch
from torch import nn

from spaces.layers import UnitShape, method
from spaces.layers.learned_steps import LearnedSteps, quantized_input, quantized_weight
from trainers.training.recalibrate import recalibrate


def values(*numbers):
    """A row of a map that has one channel, with a gradient."""
    return torch.tensor(numbers).view(1, 1, 1, -1).requires_grad_()


def unit_of(bits, activation="relu"):
    unit = LearnedSteps(UnitShape(1, 1, 1, activation=activation), bits)
    unit.bn = nn.Identity()
    return unit


def test_unsigned_inputs():
    """s = 0.5, levels 0 to 3: v / s = -2, 0.6, 2.2, 5, of which the second and third lie inside.

    dv^/ds = 0, 1 - 0.6, 2 - 2.2, 3, times gradients 1, 2, 3, 4: 0.8 - 0.6 + 12 = 12.2, by sqrt(4 features x Qp 3).
    """
    x, step = values(-1.0, 0.3, 1.1, 2.5), torch.tensor(0.5, requires_grad=True)
    y = quantized_input(x, step, (0, 3))
    assert y.flatten().tolist() == [0.0, 0.5, 1.0, 1.5]
    y.backward(torch.tensor([1.0, 2.0, 3.0, 4.0]).view_as(y))
    assert x.grad.flatten().tolist() == [0, 2, 3, 0]
    assert step.grad.item() == pytest.approx(12.2 / 12**0.5)


def test_signed_inputs_have_one_level_more_below_zero():
    """s = 1, levels -2 to 1: v / s = -3, -1.4, 0.4, 2; dv^/ds = -2, -1 + 1.4, 0 - 0.4, 1, of which the sum is -1."""
    x, step = values(-3.0, -1.4, 0.4, 2.0), torch.tensor(1.0, requires_grad=True)
    y = quantized_input(x, step, (-2, 1))
    assert y.flatten().tolist() == [-2, -1, 0, 1]
    y.sum().backward()
    assert x.grad.flatten().tolist() == [0, 1, 1, 0]
    assert step.grad.item() == pytest.approx(-1.0 / 2)


def test_relu6_cuts_before_the_levels_end():
    """s = 4, levels 0 to 3: 9 is cut to 6 = 1.5 s, and half rounds to even: 2 s. dv^/ds = 2 - 1.5; 5 gives 1 - 1.25."""
    x, step = values(9.0, 5.0), torch.tensor(4.0, requires_grad=True)
    y = quantized_input(x, step, (0, 3), 6.0)
    assert y.flatten().tolist() == [8, 4]
    y.sum().backward()
    assert x.grad.flatten().tolist() == [0, 1]
    assert step.grad.item() == pytest.approx((0.5 - 0.25) / 6**0.5)


def test_the_count_is_that_of_one_image():
    step = torch.tensor(1.0, requires_grad=True)
    quantized_input(torch.full((8, 2, 3, 1), 99.0), step, (0, 15)).sum().backward()
    assert step.grad.item() == pytest.approx(8 * 6 * 15 / (6 * 15) ** 0.5, rel=1e-5)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_weights_have_a_step_per_output_channel(layout):
    """Channels of s = 0.1 and 1, levels -8 to 7: v / s = 1.2, -9 | 0.6, 7.5.

    dv^/ds: -0.2, -8 | 0.4, 7; by sqrt(2 weights x Qp 7).
    """
    weight = torch.tensor([[0.12, -0.9], [0.6, 7.5]]).view(2, 2, 1, 1).to(memory_format=layout).requires_grad_()
    step = torch.tensor([0.1, 1.0], requires_grad=True)
    y = quantized_weight(weight, step, (-8, 7))
    assert y.flatten().tolist() == pytest.approx([0.1, -0.8, 1.0, 7.0])
    y.sum().backward()
    assert weight.grad.flatten().tolist() == [1, 0, 1, 0]
    assert step.grad.tolist() == pytest.approx([-8.2 / 14**0.5, 7.4 / 14**0.5], rel=1e-5)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_gradients_of_a_unit_equal_those_of_its_formulas(layout):
    torch.manual_seed(0)
    unit = LearnedSteps(UnitShape(3, 5, 3, activation="relu6"), 2).train()
    x = (3 * torch.randn(2, 3, 6, 6)).to(memory_format=layout).requires_grad_()
    weight, pull = torch.randn(5, 3, 3, 3, requires_grad=True), torch.randn(2, 5, 6, 6)
    unit.start_from(weight.detach())
    unit.input_start.fill_(0.9)
    found = []
    for inputs, weights in (
        (quantized_input(x, unit.input_step, (0, 3), 6.0), quantized_weight(weight, unit.weight_step, (-2, 1))),
        (
            composed(x.clamp(0, 6), unit.input_step, 0, 3, 3 * 36),
            composed(weight, unit.weight_step.view(-1, 1, 1, 1), -2, 1, 27),
        ),
    ):
        unit.zero_grad()
        x.grad = weight.grad = None
        y = nn.functional.conv2d(inputs, weights, padding=1)
        y.backward(pull)
        found.append([y.detach(), x.grad, weight.grad, unit.input_log.grad, unit.weight_log.grad])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def composed(v, step, low, high, count):
    """LSQ in operations that autograd differentiates by itself (the paper's appendix A)."""
    rate = 1 / (count * high) ** 0.5
    step = (step - step * rate).detach() + step * rate
    scaled = (v / step).clamp(low, high)
    return (scaled + (scaled.round() - scaled).detach()) * step


def test_steps_start_from_the_mean_magnitude():
    """Weights: 2 x 0.5 / sqrt(7). Inputs 0, 1, 2 behind the ReLU: 2 x 1 / sqrt(15)."""
    unit = unit_of(4).train()
    weight = torch.tensor([[[[0.5]]]])
    unit.start_from(weight)
    assert unit.weight_step.item() == pytest.approx(1 / 7**0.5)
    unit(values(-4.0, 1.0, 2.0), weight)
    assert unit.input_step.item() == pytest.approx(2 / 15**0.5)
    unit(values(9.0, 9.0), weight)  # the first batch alone starts it
    assert unit.input_step.item() == pytest.approx(2 / 15**0.5)


def test_an_input_step_that_no_training_set_is_the_batchs_own_until_recalibration():
    unit, weight = unit_of(2).eval(), torch.tensor([[[[1.0]]]])
    unit.weight_start.fill_(1.0)
    # Steps of 2 x 3 / sqrt(3) and 2 x 0.3 / sqrt(3), at 3.46 and 0.346: the same levels either way.
    high, low = (unit(values(*row), weight).flatten().tolist() for row in ((2.0, 4.0), (0.2, 0.4)))
    assert high == pytest.approx([10 * one for one in low], rel=1e-5)
    assert unit.input_step == 0
    recalibrate(_OnImages(unit, weight), [[values(2.0, 4.0)[0].detach()]])
    assert unit.input_step.item() == pytest.approx(6 / 3**0.5)
    recalibrate(_OnImages(unit, weight), [[values(20.0, 40.0)[0].detach()]])
    assert unit.input_step.item() == pytest.approx(6 / 3**0.5)  # a learned step isn't measured anew


class _OnImages(nn.Module):
    def __init__(self, unit, weight):
        super().__init__()
        self.unit, self.weight = unit, weight

    def forward(self, images):
        return self.unit(torch.stack(images), self.weight)


def test_a_step_is_its_start_times_the_exponential_of_what_is_learned():
    unit, weight = unit_of(4, "none").eval(), torch.tensor([[[[3.0]]]])
    unit.input_start.fill_(0.25)
    unit.input_log.data.fill_(math.log(2))
    unit.weight_log.data.fill_(math.log(3))
    assert unit(values(-1.2, 0.6), weight).flatten().tolist() == pytest.approx([-3.0, 1.5])
    unit.start_from(weight)  # begins anew
    assert unit.weight_log.item() == 0


def test_methods_and_widths():
    for name, bits in (("int4", 4), ("int2", 2)):
        chosen = method(name)
        assert (chosen.weight_bits, chosen.input_bits, chosen.is_binary) == (bits, bits, False)
        assert isinstance(chosen.build(UnitShape(1, 1, 1)), LearnedSteps)


@pytest.mark.parametrize("levels", [(0, 15), (-8, 7), (0, 3), (-2, 1)])
def test_rounded_inputs_are_those_of_torchs_kernel_to_the_bit(levels):
    step = torch.tensor(0.1373)
    x = torch.cat([torch.randn(4000), torch.arange(-20, 21) * step / 2]).view(1, 1, 1, -1)
    expected = torch.fake_quantize_per_tensor_affine(x, step, torch.zeros((), dtype=torch.int32), *levels)
    assert torch.equal(quantized_input(x, step, levels), expected)
