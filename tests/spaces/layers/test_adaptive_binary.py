"""AdaBin by hand: levels, thresholds, what is computed at the border, and all gradients, and against autograd."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from spaces.layers import SearchableUnit, UnitShape
from spaces.layers.adaptive_binary import TwoLevels, centre_of, spread_of
from spaces.layers.alternative import StoredWeight
from spaces.layers.binary_conv import binary_conv2d
from spaces.layers.maxout import Maxout
from spaces.layers.signs import sign

W = (9.0, 3.0, 1.0, -5.0)
"""Mean 2, centred 7, 1, -1, -7, deviation 5: u = 1.4, 0.2, -0.2, -1.4, and levels 7 and -3."""


def filters(*values):
    """One filter of 1 x 1 over as many input channels."""
    return torch.tensor(values, dtype=torch.float64).view(1, -1, 1, 1)


def only(*values):
    """A number that all channels share."""
    return torch.tensor(values, dtype=torch.float64).view(1, 1, 1, 1)


def unit_of(shape, *, s=1.0, t=0.0, name="adabin", shortcut="none"):
    """A unit in evaluation without a BatchNorm's effect and with a Maxout that changes nothing."""
    unit = SearchableUnit(shape, [name], shortcut).eval().double()
    one = unit.alternatives[name]
    with torch.no_grad():
        one.size_log.fill_(torch.tensor(s).double().log())
        one.threshold.fill_(t)
        one.post.below.fill_(1)
        one.bn.running_var.fill_(1 - one.bn.eps)
    return unit, one


def test_two_levels_by_hand():
    rule, weight = TwoLevels(), filters(*W)
    assert rule.effective(weight, None).flatten().tolist() == [7, 7, -3, -3]
    assert rule.effective(weight, only(0.5)).flatten().tolist() == [3.5, 3.5, -1.5, -1.5]
    assert TwoLevels(inputs_only=True).effective(weight, only(0.5)).flatten().tolist() == [4.5, 1.5, 0.5, -2.5]
    level = filters(3.0, 3.0)  # no deviation
    assert rule.effective(level, None).flatten().tolist() == pytest.approx([3, 3])


def test_gradients_of_weights_and_scale_by_hand():
    """G = 1, 2, 3, 4; sign(u) - u = -0.4, 0.8, -0.8, 0.4 and <G, sign(u) - u> / 4 = 0.1."""
    rule, weight, grad = TwoLevels(), filters(*W), filters(1.0, 2.0, 3.0, 4.0)
    plain, none = rule.gradients(grad, weight, None, rule.effective(weight, None))
    assert none is None
    assert plain.flatten().tolist() == pytest.approx([1 + 0.14, 2 + 0.02, 3 - 0.02, 4 - 0.14])
    scale = only(0.5)
    of_weight, of_scale = rule.gradients(grad, weight, scale, rule.effective(weight, scale))
    assert of_weight.flatten().tolist() == pytest.approx([0.57, 1.01, 1.49, 1.93])
    assert of_scale.item() == pytest.approx(7 * (1 + 2) - 3 * (3 + 4))
    of_weight, of_scale = TwoLevels(inputs_only=True).gradients(grad, weight, scale, weight * scale)
    assert of_weight.flatten().tolist() == [0.5, 1, 1.5, 2]
    assert of_scale.item() == 9 + 2 * 3 + 3 - 4 * 5


def test_gradients_of_inputs_and_their_levels_by_hand():
    """s = 2, t = 1; x = 2, 0, 6 gives u = 0.5, -0.5, 2.5, the slopes 1, 1, 0 and, of weights of one, s (1 - 1 + 1)."""
    unit, one = unit_of(UnitShape(3, 1, 1), s=2.0, t=1.0)
    x = torch.tensor([2.0, 0.0, 6.0], dtype=torch.float64).view(1, 3, 1, 1).requires_grad_()
    with torch.no_grad():
        unit.weight.copy_(filters(6.0, 3.0, 0.0))  # mean 3, variance 6: levels 3 + r, 3 + r, 3 - r
    r = 6**0.5
    y = unit(x)
    assert y.item() == pytest.approx(2 * ((3 + r) - (3 + r) + (3 - r)))
    y.backward()
    assert x.grad.flatten().tolist() == pytest.approx([3 + r, 3 + r, 0])
    assert one.threshold.grad.item() == pytest.approx(-2 * (3 + r))
    # of s: the sum that it is times, and -u slope for each input; its logarithm's is s times that
    assert one.size_log.grad.item() == pytest.approx(2 * ((3 - r) - 0.5 * (3 + r) + 0.5 * (3 + r)))


def composed(weight, scale):
    """What is convolved, in operators that autograd differentiates by itself."""
    standard = (weight - centre_of(weight)) / spread_of(weight)
    signs = sign(standard.detach()) + (standard - standard.detach())
    return scale * (spread_of(weight) * signs + centre_of(weight))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.sampled_from([1, 2]), st.sampled_from([1, 3]), st.sampled_from([1, 2]))
def test_result_and_gradients_equal_the_chain_rule(seed, groups, kernel, stride):
    generator = torch.Generator().manual_seed(seed)
    draw = {"generator": generator, "dtype": torch.float64}
    x, weight = torch.randn(2, 4, 5, 5, **draw), torch.randn(6, 4 // groups, kernel, kernel, **draw)
    scale, results = torch.rand(1, 1, 1, 1, **draw) + 0.5, []
    places = {"stride": stride, "padding": kernel // 2, "groups": groups}
    for fused in (True, False):
        w, s = weight.clone().requires_grad_(), scale.clone().requires_grad_()
        if fused:
            y = binary_conv2d(x, w, TwoLevels(), scale=s, input_gradient="approx", **places)
        else:
            y = F.conv2d(sign(x), composed(w, s), **places)
        (y * y.detach().cos()).sum().backward()
        results.append([y.detach(), w.grad, s.grad])
    for ours, reference in zip(*results, strict=True):
        torch.testing.assert_close(ours, reference, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("name", "outside"), [("adabin", 0), ("adabin+pad_minus_one", -1)])
def test_the_border_by_hand(name, outside):
    """A row of two pixels above t = 1, under a 3 x 3 filter whose middle column is 3 and whose others are 0."""
    unit, _ = unit_of(UnitShape(1, 1, 3), s=2.0, t=1.0, name=name)
    with torch.no_grad():
        unit.weight.copy_(torch.tensor([0.0, 3, 0]).expand(1, 1, 3, 3))
    spread = 2**0.5  # mean 1, variance (4 + 1 + 1) / 3
    high, low = 1 + spread, 1 - spread
    y = unit(torch.full((1, 1, 1, 2), 1.5, dtype=torch.float64))
    beyond = outside * (2 * high + 5 * low)  # of the 9 pixels 7 lie outside, 2 of them in the middle column
    assert y.flatten().tolist() == pytest.approx([2 * (high + low + beyond)] * 2)


def test_a_packed_weight_keeps_its_levels_and_is_never_without_its_centre():
    unit, one = unit_of(UnitShape(4, 1, 1), s=0.5)
    with torch.no_grad():
        unit.weight.copy_(filters(*W))
    (levels, scale), centre = one.levels(unit.weight), one.centre(unit.weight)
    assert (levels.flatten().tolist(), scale.tolist(), centre.tolist()) == ([1, 1, -1, -1], [2.5], [1.0])
    one.give(StoredWeight(levels, scale, centre), unit.weight)
    assert unit.weight.flatten().tolist() == [3.5, 3.5, -1.5, -1.5]
    assert [one.levels(unit.weight)[0].flatten().tolist(), one.centre(unit.weight).tolist()] == [[1, 1, -1, -1], [1.0]]
    trace = one.trace(torch.ones(1, 4, 1, 1), unit.weight)
    assert torch.equal(trace.scaled_weight, unit.weight)
    with pytest.raises(ValueError, match="need the centre of each output channel"):
        one.give(StoredWeight(levels, scale), unit.weight)


def test_a_maxout_by_hand():
    activation = Maxout(2)
    assert activation(torch.tensor([2.0, -2.0]).view(2, 1, 1, 1).expand(2, 2, 1, 1)).flatten().tolist() == [
        *(2, 2),
        *(-0.5, -0.5),
    ]
    with torch.no_grad():
        activation.above.copy_(torch.tensor([3.0, -1.0]))
        activation.below.copy_(torch.tensor([0.5, 2.0]))
    x = torch.tensor([[2.0, 4.0], [-2.0, -4.0], [0.0, 0.0]]).view(3, 2, 1, 1).requires_grad_()
    y = activation(x)
    assert y.flatten().tolist() == [6, -4, -1, -8, 0, 0]
    (y * torch.tensor([1.0, 10.0]).view(1, 2, 1, 1)).sum().backward()
    assert x.grad.flatten().tolist() == [3, -10, 0.5, 20, 0.5, 20]
    assert (activation.above.grad.tolist(), activation.below.grad.tolist()) == ([2, 40], [-2, -40])
