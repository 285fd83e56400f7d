import pytest
import torch
import torch.nn.functional as F

from spaces.layers.binary_conv import binary_conv2d
from spaces.layers.weight_rules import StraightThrough, mean_scale

INPUT_GRADIENTS = ("clipped", "approx")
WEIGHT_GRADIENTS = ("xnor", "clipped")
GEOMETRIES = [(3, 1, 1, 0.0), (3, 2, 1, 0.0), (3, 1, 1, -1.0), (3, 2, 1, -1.0), (1, 1, 0, 0.0), (1, 2, 0, -1.0)]


def convolve(x, weight, **options):
    rule = StraightThrough(options.pop("weight_gradient", "clipped"))
    return binary_conv2d(x, weight, rule, **({"stride": 1, "padding": 0, "input_gradient": "clipped"} | options))


def test_a_1x1_convolution_by_hand():
    x = torch.tensor([0.3, -2.0, 0.0]).view(1, 3, 1, 1)  # signs +1 -1 +1
    weight = torch.tensor([[0.5, 1.0, -1.5], [0.0, -0.2, 0.4]]).view(2, 3, 1, 1)  # signs + + -, + - +; means 1 and 0.2
    assert convolve(x, weight).flatten().tolist() == pytest.approx([1.0 * (1 - 1 - 1), 0.2 * (1 + 1 + 1)])


@pytest.mark.parametrize(
    ("pad_value", "expected"),
    [
        # All 2x2 inputs are positive, all weights 0.5: each output sees 4 inputs and 5 places of padding.
        (0.0, 0.5 * 4),
        (-1.0, 0.5 * (4 - 5)),
        (1.0, 0.5 * (4 + 5)),
    ],
)
def test_a_3x3_convolution_and_its_padding_by_hand(pad_value, expected):
    y = convolve(torch.full((1, 1, 2, 2), 0.1), torch.full((1, 1, 3, 3), 0.5), padding=1, pad_value=pad_value)
    torch.testing.assert_close(y, torch.full((1, 1, 2, 2), expected))


def test_a_strided_3x3_convolution_by_hand():
    x = torch.tensor([[1.0, -1.0, 1.0], [-1.0, 1.0, -1.0], [1.0, -1.0, 1.0]]).view(1, 1, 3, 3) * 0.01
    weight = torch.full((1, 1, 3, 3), 0.1)
    weight[0, 0, 1, 1] = -1.0  # mean magnitude (8 * 0.1 + 1) / 9 = 0.2
    # A corner sees itself (+1, against the weight -1), two neighbours of -1 and one of +1: -1 - 2 + 1.
    y = convolve(x, weight, stride=2, padding=1)
    torch.testing.assert_close(y, torch.full((1, 1, 2, 2), 0.2 * -2))


def test_the_scale_is_the_mean_magnitude_of_each_output_channel():
    scale = mean_scale(torch.tensor([[1.0, -3.0], [0.0, 0.5]]).view(2, 2, 1, 1))
    assert scale.shape == (2, 1, 1, 1)
    assert scale.flatten().tolist() == [2, 0.25]


def through_sign(x, rule):
    """sign(x) with a surrogate's slope, composed from torch's own functions."""
    signs = torch.where(x >= 0, 1.0, -1.0).to(x.dtype)
    inner = x.clamp(-1, 1)
    surrogate = inner if rule == "clipped" else torch.where(inner < 0, 2 * inner + inner**2, 2 * inner - inner**2)
    return signs.detach() + surrogate - surrogate.detach()


def composed(x, weight, *, stride, padding, input_gradient, weight_gradient, pad_value):
    """The docstring's formulas in ops that autograd differentiates by itself."""
    alpha = weight.abs().mean((1, 2, 3), keepdim=True)
    if weight_gradient == "xnor":
        binary = alpha * through_sign(weight, "clipped")
    else:
        straight = weight.clamp(-1, 1)
        binary = (alpha * torch.where(weight >= 0, 1.0, -1.0)).detach() + straight - straight.detach()
    padded = F.pad(through_sign(x, input_gradient), (padding,) * 4, value=pad_value)
    return F.conv2d(padded, binary, stride=stride)


@pytest.mark.parametrize("input_gradient", INPUT_GRADIENTS)
@pytest.mark.parametrize("weight_gradient", WEIGHT_GRADIENTS)
@pytest.mark.parametrize(("kernel", "stride", "padding", "pad_value"), GEOMETRIES)
def test_result_and_gradients_equal_a_composed_reference(
    kernel, stride, padding, pad_value, input_gradient, weight_gradient
):
    torch.manual_seed(0)
    x = torch.randn(2, 3, 5, 5, dtype=torch.float64)  # a third of it lies outside [-1, 1]
    weight = torch.randn(4, 3, kernel, kernel, dtype=torch.float64)
    pull = None
    results = []
    for function in (convolve, composed):
        ours, kernel_ours = x.clone().requires_grad_(), weight.clone().requires_grad_()
        y = function(
            ours,
            kernel_ours,
            stride=stride,
            padding=padding,
            pad_value=pad_value,
            input_gradient=input_gradient,
            weight_gradient=weight_gradient,
        )
        pull = torch.randn_like(y) if pull is None else pull
        (y * pull).sum().backward()
        results.append((y.detach(), ours.grad, kernel_ours.grad))
    for ours, reference in zip(*results, strict=True):
        torch.testing.assert_close(ours, reference, rtol=1e-9, atol=1e-9)
    assert results[0][1].count_nonzero() > 0
    assert (results[0][1][x.abs() > 1] == 0).all()


@pytest.mark.parametrize("needs", [(True, False), (False, True)])
def test_only_the_gradients_asked_for_are_made(needs):
    x = torch.randn(1, 2, 4, 4).requires_grad_(needs[0])
    weight = torch.randn(2, 2, 3, 3).requires_grad_(needs[1])
    convolve(x, weight, padding=1).sum().backward()
    assert (x.grad is not None, weight.grad is not None) == needs


def test_the_xnor_gradient_of_one_weight_by_hand():
    # y = alpha * sign(w) * sign(x) over two channels; w = (0.5, -2), x positive: G = (1, 1), alpha = 1.25.
    weight = torch.tensor([0.5, -2.0]).view(1, 2, 1, 1).requires_grad_()
    convolve(torch.ones(1, 2, 1, 1), weight, weight_gradient="xnor").sum().backward()
    # Through the scale: sign(w) * (1 - 1) / 2 = 0. Through the sign: 1.25 where |w| <= 1.
    assert weight.grad.flatten().tolist() == [1.25, 0.0]
