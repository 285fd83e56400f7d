"""What layers of few bits compute on a GPU, with scalars that stay there, against the numbers of a CPU."""

import pytest
import torch

from spaces.layers.learned_steps import inside_range
from spaces.layers.real import grid_ends, passed_inside, rounded_input

LEVELS = {"relu": (0, 255), "relu6": (0, 255), "none": (-127, 127)}


@pytest.mark.parametrize("step", [0.01, 0.05])
@pytest.mark.parametrize("activation", LEVELS)
def test_the_gradient_of_a_rounded_input(activation, step):
    """With a step of 0.05 the grid of ReLU6 ends above 6."""
    torch.manual_seed(0)
    step, (low, high) = torch.tensor(step), LEVELS[activation]
    ends = [float(one) for one in grid_ends(step, low, high, activation)]
    x = torch.cat([torch.randn(200) * 5, torch.tensor([0.0, 6.0, *(end for end in ends if end == end)])])
    x = x.view(1, 1, 1, -1).requires_grad_()
    grad = torch.rand_like(x)
    rounded_input(x, step, (low, high), activation).backward(grad)
    on_device = passed_inside(grad, x.detach(), *grid_ends(step, low, high, activation))
    assert torch.equal(on_device, x.grad)


def test_the_gradient_inside_a_range():
    x, grad = torch.tensor([-1.0, -0.5, 0.0, 2.0, 2.5]), torch.ones(5)
    assert inside_range(grad, x, torch.tensor(-0.5), torch.tensor(2.0)).tolist() == [0, 0, 1, 0, 0]
    assert inside_range(grad, x, -0.5, 2.0).tolist() == [0, 0, 1, 0, 0]
