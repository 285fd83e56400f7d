"""Layer methods in mixed precision: what becomes of products and gradients, and that float32 is as torch has it."""

import copy

import pytest
import torch
from torch import nn

from spaces.layers import METHODS, SearchableUnit, UnitShape
from spaces.layers.prelu import PReLU
from spaces.layers.products import conv2d
from spaces.layers.real import rounded_input
from spaces.layers.shortcuts import GroupMean, Repeat
from spaces.precision import DTYPES, PRECISIONS, computing_in, has_16_bits, in_float32, network_pass

NAMES = [*METHODS, "bireal+learned_scale", "bireal+prelu", "sign+pad_minus_one", "dbs+soft"]
NAMES += ["react+bases2", "react+gate", "react+normalised", "sign+periodic", "react+resilient"]
CPU = torch.device("cpu")


def stepped(unit, x, pull, precision):
    """The unit's result, the gradient of x, and those of its parameters by name."""
    unit, x = copy.deepcopy(unit), x.clone().requires_grad_()
    with computing_in(precision), network_pass(CPU):
        y = unit(x if precision == "float32" else x.bfloat16())
    in_float32(y).backward(pull)
    return y, {"x": x.grad, **{name: p.grad for name, p in unit.named_parameters() if p.grad is not None}}


@pytest.mark.parametrize("groups", [1, 32])
@pytest.mark.parametrize("name", NAMES)
def test_each_method_trains_in_bf16_with_gradients_near_those_of_float32(name, groups):
    """bf16 rounds by up to 2^-9 of a value, a product's two sides, its result and the gradient there.

    Rounding is as good as random, so that tensors of 10,000 values stay as near as their values: within 2^-7 of their
    norm where no value is decided by a threshold; a PReLU's sides and a sign's slope are, so that some in a hundred
    gradients change by their own size there. A scale in front of a BatchNorm has no gradient but rounding, and that of
    an input's one step is a small difference of sums. AdaBin's two numbers of a layer are sums over the map's gradient:
    they are as far off as that is long.
    """
    torch.manual_seed(0)
    unit = SearchableUnit(UnitShape(32, 32, 3, groups=groups), [name], "free").train()
    x, pull = torch.randn(4, 32, 9, 9).bfloat16().float(), torch.randn(4, 32, 9, 9)
    (y, gradients), (expected, exact) = (stepped(unit, x, pull, precision) for precision in ("bf16", "float32"))
    assert y.dtype == torch.bfloat16
    assert (y.float() - expected).norm() < 2**-7 * expected.norm()
    assert set(gradients) == set(exact)
    decided = unit.alternatives[name].is_binary
    for parameter, gradient in gradients.items():
        assert gradient.dtype == torch.float32
        assert gradient.isfinite().all()
        if not parameter.endswith(".scale"):
            near = 0.1 if decided or parameter.endswith(".input_log") else 2**-7
            summed = "x" if parameter.endswith((".threshold", ".size_log")) else parameter
            assert (gradient - exact[parameter]).norm() <= near * exact[summed].norm()


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 1), (5, 2)])
def test_depthwise_gradients_of_bf16_are_the_convolutions_own(kernel, stride):
    torch.manual_seed(0)
    x, weight = torch.randn(2, 8, 9, 9).bfloat16(), torch.randn(8, 1, kernel, kernel)
    sides = [(x.clone().requires_grad_(), weight.clone().requires_grad_()) for _ in range(2)]
    with torch.autocast("cpu", torch.bfloat16):
        y = conv2d(*sides[0], torch.ones(8), stride=stride, padding=kernel // 2, groups=8)
    inputs, kernels = sides[1]
    rounded = kernels + (kernels.detach().bfloat16() - kernels.detach())
    expected = nn.functional.conv2d(inputs.float(), rounded, torch.ones(8), stride, kernel // 2, groups=8)
    pull = torch.randn_like(expected).bfloat16()
    y.backward(pull)
    expected.backward(pull.float())
    assert y.dtype == torch.bfloat16
    for (ours, theirs), size in zip(zip(*sides, strict=True), (x, weight), strict=True):
        assert ours.grad.dtype == size.dtype
        assert (ours.grad - theirs.grad).norm() < 2**-6 * theirs.grad.norm()
    torch.testing.assert_close(y.float(), expected, rtol=2**-7, atol=2**-5)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("count", [1, 6])
def test_the_prelu_and_its_gradients_are_torchs_to_the_bit(count, layout):
    torch.manual_seed(0)
    ours, theirs = PReLU(count), nn.PReLU(count)
    for one in (ours, theirs):
        one.weight.data.copy_(torch.linspace(-0.5, 0.5, count))
    x, pull = (torch.randn(4, 6, 7, 7).to(memory_format=layout) for _ in range(2))
    x[0, :, 0] = 0.0
    inputs = [x.clone().requires_grad_() for _ in range(2)]
    results = [one(side) for one, side in zip((ours, theirs), inputs, strict=True)]
    for y in results:
        y.backward(pull)
    assert torch.equal(*results)
    assert torch.equal(inputs[0].grad, inputs[1].grad)
    assert torch.equal(ours.weight.grad, theirs.weight.grad)


@pytest.mark.parametrize("activation", ["none", "relu", "relu6"])
@pytest.mark.parametrize("top", [3.0, 8.0])
def test_rounded_inputs_are_those_of_torchs_own_operations_to_the_bit(activation, top):
    """At the grid's ends themselves torch's clamp lets half of the gradient pass."""
    torch.manual_seed(0)
    low, high = (-127, 127) if activation == "none" else (0, 255)
    step = torch.tensor(top) / high
    x = torch.randn(2, 6, 9, 9) * 4
    x[0, 0, 0, :4] = torch.stack([high * step, low * step, torch.tensor(6.0), torch.tensor(0.0)])
    ours, theirs = (x.clone().requires_grad_() for _ in range(2))
    inner = {"none": lambda v: v, "relu": nn.functional.relu, "relu6": nn.functional.relu6}[activation](theirs)
    inner = inner.clamp(low * step, high * step)
    expected = torch.round(inner.detach() / step) * step + (inner - inner.detach())
    y, pull = rounded_input(ours, step, (low, high), activation), torch.randn_like(x)
    y.backward(pull)
    expected.backward(pull)
    assert torch.equal(y, expected)
    assert torch.equal(ours.grad, theirs.grad)


@pytest.mark.parametrize("module", [GroupMean(4), Repeat(3)])
def test_shortcuts_of_bf16_keep_the_order_in_memory_both_ways(module):
    x = torch.randn(2, 8, 5, 5).bfloat16().to(memory_format=torch.channels_last)
    ours, exact = x.clone().requires_grad_(), x.float().requires_grad_()
    y, expected = module(ours), module(exact)
    pull = torch.randn_like(expected).bfloat16().to(memory_format=torch.channels_last)
    y.backward(pull)
    expected.backward(pull.float())
    assert ours.grad.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(y.float(), expected, rtol=2**-8, atol=0)
    torch.testing.assert_close(ours.grad.float(), exact.grad, rtol=2**-7, atol=2**-7)


def test_a_pass_is_of_the_precision_that_was_asked_for_and_of_float32_before_and_after():
    def dtype():
        with network_pass(CPU):
            return nn.functional.conv2d(torch.ones(1, 1, 1, 1), torch.ones(1, 1, 1, 1)).dtype

    assert [*DTYPES] == [name for name in PRECISIONS if name != "float32"]
    assert dtype() == torch.float32
    with computing_in("bf16"):
        assert dtype() == torch.bfloat16
        with computing_in("float32"):
            assert dtype() == torch.float32
        assert not torch.is_autocast_enabled("cpu")  # the region is a detector's pass alone
    assert dtype() == torch.float32
    x = torch.ones(1)
    assert in_float32(x) is x
    assert [has_16_bits(x), has_16_bits(x.half()), in_float32(x.half()).dtype] == [False, True, torch.float32]
