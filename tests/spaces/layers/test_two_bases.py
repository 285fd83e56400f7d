"""The sum of two binary bases by hand: weights, scales, gradients, and what a packed file keeps of it."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spaces.layers import SearchableUnit, UnitShape
from spaces.layers.alternative import StoredWeight
from spaces.layers.signs import sign
from spaces.layers.two_bases import TwoBases, two_bases

W = (3.0, 1.0, -2.0, 0.0)
"""Signs + + - +, scale 1.5; the residual 1.5, -0.5, -0.5, -1.5 has the signs + - - - and the scale 1."""


def filters(*values):
    """One filter of 1 x 1 over as many input channels."""
    return torch.tensor(values, dtype=torch.float64).view(1, -1, 1, 1)


def flat(tensor):
    return tensor.flatten().tolist()


def unit_of(name, *weights):
    """A unit of one filter without a BatchNorm's effect."""
    unit = SearchableUnit(UnitShape(len(weights), 1, 1), [name], "none").eval().double()
    one = unit.alternatives[name]
    with torch.no_grad():
        unit.weight.copy_(filters(*weights))
        one.bn.running_var.fill_(1 - one.bn.eps)
    return unit, one


def test_two_bases_by_hand():
    assert [flat(one) for one in two_bases(filters(*W), None)] == [[1, 1, -1, 1], [1.5], [1, -1, -1, -1], [1.0]]
    rule = TwoBases("clipped")
    assert flat(rule.effective(filters(*W), None)) == [2.5, 0.5, -2.5, 0.5]
    learned = rule.effective(filters(*W), filters(3.0))  # the bases stay, and the ratio 2/3 of their scales
    assert flat(learned) == pytest.approx([5, 1, -5, 1])
    assert flat(rule.signs(filters(*W))) == pytest.approx([5 / 3, 1 / 3, -5 / 3, 1 / 3])
    assert flat(rule.effective(filters(0.0, 0.0), None)) == pytest.approx([0, 0])


def test_gradients_by_hand():
    """G = 1, 2, 3, 4, which passes where |w| <= 1; <G, s1> = 4, <G, s2> = -8, <s1, s2> = 0."""
    weight, grad, scale = filters(*W), filters(1.0, 2.0, 3.0, 4.0), filters(3.0)

    def of(kind, scale=None):
        rule = TwoBases(kind)
        return rule.gradients(grad.clone(), weight, scale, rule.effective(weight, scale))

    assert flat(of("clipped")[0]) == [0, 2, 0, 4]
    assert of("clipped")[1] is None
    assert flat(of("xnor")[0]) == pytest.approx([1 - 2, 2 * 2.5 + 1 + 2, -1 + 2, 4 * 2.5 + 1 + 2])
    of_weight, of_scale = of("xnor", scale)
    assert flat(of_weight) == pytest.approx([0, 2 * 5, 0, 4 * 5])
    assert of_scale.item() == pytest.approx(4 - 8 * 2 / 3)
    of_weight, of_scale = of("clipped", scale)
    assert (flat(of_weight), of_scale.item()) == ([0, 2, 0, 4], pytest.approx(4 - 8 * 2 / 3))


def composed(weight, scale):
    """What is convolved, in operators that autograd differentiates by itself."""
    straight = weight.clamp(-1, 1) - weight.clamp(-1, 1).detach()
    first, alpha = sign(weight.detach()), weight.abs().mean((1, 2, 3), keepdim=True)
    residual = weight - first * alpha
    second, beta = sign(residual.detach()), residual.abs().mean((1, 2, 3), keepdim=True)
    if scale is None:
        return alpha * (first + straight) + beta * (second + straight)
    return scale * (first + straight + (beta / alpha).detach() * (second + straight))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.sampled_from([1, 3]), st.booleans())
def test_result_and_gradients_of_scales_in_the_graph_equal_the_chain_rule(seed, kernel, learned):
    generator = torch.Generator().manual_seed(seed)
    weight, grad = (torch.randn(3, 4, kernel, kernel, generator=generator, dtype=torch.float64) for _ in range(2))
    scale = torch.rand(3, 1, 1, 1, generator=generator, dtype=torch.float64) + 0.5 if learned else None
    w, s = weight.clone().requires_grad_(), None if scale is None else scale.clone().requires_grad_()
    made = composed(w, s)
    (made * grad).sum().backward()
    rule = TwoBases("xnor")
    ours = rule.effective(weight, scale)
    of_weight, of_scale = rule.gradients(grad, weight, scale, ours)
    torch.testing.assert_close(ours, made.detach())
    torch.testing.assert_close(of_weight, w.grad)
    torch.testing.assert_close(of_scale, None if s is None else s.grad)


def test_a_unit_convolves_the_sum_and_its_normalised_form_that_of_what_deviates():
    x = torch.tensor([1.0, -1, 1, -1]).double().view(1, 4, 1, 1)
    assert unit_of("sign+bases2", *W)[0](x).item() == pytest.approx(2.5 - 0.5 - 2.5 - 0.5)
    shifted = [one + 7 for one in (2.5, 0.5, -2.5, -0.5)]  # scale 1.5, residual +-1, of which the sum is exact
    y = unit_of("bireal+bases2+normalised", *shifted)[0](x)
    assert y.item() == pytest.approx(2.5 - 0.5 - 2.5 + 0.5)


def test_the_first_stage_of_two_convolves_the_real_weight():
    unit, one = unit_of("react+bases2", *W)
    one.inputs_only = True
    x = torch.tensor([1.0, -1, 1, -1]).double().view(1, 4, 1, 1)
    assert unit(x).item() == pytest.approx(3 - 1 - 2 - 0)


@pytest.mark.parametrize("weights", [W, (8.0, 0.0, 0.0, 0.0)])
@pytest.mark.parametrize("name", ["sign+bases2", "bireal+bases2+learned_scale"])
def test_a_packed_weight_keeps_both_bases(name, weights):
    """8, 0, 0, 0 has the scales 2 and 3: the sum 5, -1, -1, -1 has other signs than its first base."""
    unit, one = unit_of(name, *weights)
    x = torch.tensor([1.0, -1, 1, 1]).double().view(1, 4, 1, 1)
    y, (levels, scale), second = unit(x), one.levels(unit.weight), one.second(unit.weight)
    one.give(StoredWeight(levels, scale, second=second), unit.weight)
    assert torch.equal(unit(x), y)
    assert torch.equal(one.levels(unit.weight)[0], levels)
    assert [flat(part) for part in one.second(unit.weight)] == [flat(part) for part in second]
    torch.testing.assert_close(one.trace(x, unit.weight).scaled_weight.double(), unit.weight.detach())
    with pytest.raises(ValueError, match="need a second base"):
        one.give(StoredWeight(levels, scale), unit.weight)


def test_a_packed_scale_of_zero_leaves_no_nan():
    unit, one = unit_of("bireal+bases2+learned_scale", *W)
    with torch.no_grad():
        one.scale.zero_()
    levels, scale = one.levels(unit.weight)
    one.give(StoredWeight(levels, scale, second=one.second(unit.weight)), unit.weight)
    assert flat(one.trace(torch.ones(1, 4, 1, 1).double(), unit.weight).scaled_weight) == [0, 0, 0, 0]
