import pytest
import torch

from spaces.layers.signs import pass_approx, pass_clipped, sign


def test_zero_goes_to_plus_one_on_either_side():
    tiny = torch.finfo(torch.float32).tiny
    x = torch.tensor([-2.0, -tiny, -0.0, 0.0, tiny, 3.0, float("inf"), -float("inf")])
    assert sign(x).tolist() == [-1, -1, 1, 1, 1, 1, 1, -1]


def test_zero_goes_to_plus_one_in_whole_maps_too():
    """Long and strided tensors take other paths through the processor than short ones."""
    x = torch.zeros(3, 50, 40)
    x[1] = -0.0
    x[2] = -1e-30
    assert sign(x).unique(dim=0).shape == (2, 50, 40)
    assert (sign(x.transpose(1, 2))[:2] == 1).all()
    assert (sign(x)[2] == -1).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_sign_keeps_shape_and_type(dtype):
    result = sign(torch.zeros(2, 0, 3, dtype=dtype))
    assert result.shape == (2, 0, 3)
    assert result.dtype == dtype


def test_the_clipped_gradient_passes_up_to_and_with_the_border():
    x = torch.tensor([-1.001, -1.0, 0.0, 0.5, 1.0, 1.001])
    assert pass_clipped(torch.full_like(x, 3.0), x).tolist() == [0, 3, 3, 3, 3, 0]


def test_the_approx_gradient_by_hand():
    x = torch.tensor([-2.0, -1.0, -0.25, 0.0, 0.5, 1.0, 9.0])
    assert pass_approx(torch.full_like(x, -2.0), x).tolist() == [0, 0, -3, -4, -2, 0, 0]


def approx_sign(x):
    """F of the docstring: what the approx slope must be the derivative of."""
    inner = torch.where(x < 0, 2 * x + x * x, 2 * x - x * x)
    return torch.where(x < -1, -1.0, torch.where(x >= 1, 1.0, inner))


def test_the_approx_slope_is_the_derivative_of_approx_sign():
    x, h = torch.linspace(-2, 2, 401, dtype=torch.float64) + 0.0031, 1e-6
    difference = (approx_sign(x + h) - approx_sign(x - h)) / (2 * h)
    torch.testing.assert_close(pass_approx(torch.ones_like(x), x), difference, atol=1e-5, rtol=0)


def test_passing_a_gradient_changes_neither_it_nor_the_input():
    grad, x = torch.tensor([2.0, 3.0]), torch.tensor([-0.5, 0.5])
    pass_approx(grad, x), pass_clipped(grad, x), sign(x)
    assert (grad.tolist(), x.tolist()) == ([2, 3], [-0.5, 0.5])
