"""How latent weights become binary, by hand, against autograd on the composed formulas, and by finite differences."""

import math

import pytest
import torch
import torch.nn.functional as F

from spaces.layers.binary_conv import binary_conv2d
from spaces.layers.signs import sign
from spaces.layers.weight_rules import RealWeight, Searched, StraightThrough, mean_scale

GEOMETRY = {"stride": 1, "padding": 1, "input_gradient": "clipped"}


def filters(*values, dtype=torch.float64):
    """One filter of 1 x 1 over as many input channels."""
    return torch.tensor(values, dtype=dtype).view(1, -1, 1, 1)


def through_sign(weight):
    straight = weight.clamp(-1, 1)
    return sign(weight.detach()) + (straight - straight.detach())


def composed(weight, scale, rule):
    """What is convolved, in ops that autograd differentiates by itself."""
    if isinstance(rule, Searched):
        soft = torch.tanh(weight / (2 * rule.temperature))
        chosen = soft if rule.relaxation == "soft" else sign(weight.detach()) + (soft - soft.detach())
        return chosen if scale is None else chosen * scale
    if isinstance(rule, RealWeight):
        return weight
    if rule.gradient == "xnor":
        return through_sign(weight) * (mean_scale(weight) if scale is None else scale)
    straight = weight.clamp(-1, 1)  # the scale stays out of the weight's slope
    factor = mean_scale(weight).detach() if scale is None else scale
    return sign(weight.detach()) * factor + (straight - straight.detach())


RULES = [
    StraightThrough("xnor"),
    StraightThrough("clipped"),
    Searched("hard"),
    Searched("soft"),
    Searched("hard", temperature=0.3),
    Searched("soft", temperature=2.0),
]


@pytest.mark.parametrize("learned", [False, True])
@pytest.mark.parametrize("rule", RULES, ids=str)
def test_result_and_gradients_equal_a_composed_reference(rule, learned):
    torch.manual_seed(0)
    x, weight = torch.randn(2, 3, 5, 5).double(), torch.randn(4, 3, 3, 3).double()
    scale = torch.rand(4, 1, 1, 1).double() + 0.5 if learned else None
    pull = torch.randn(2, 4, 5, 5).double()
    results = []
    for fused in (True, False):
        w = weight.clone().requires_grad_()
        s = scale.clone().requires_grad_() if scale is not None else None
        if fused:
            y = binary_conv2d(x, w, rule, scale=s, **GEOMETRY)
        else:
            y = F.conv2d(sign(x), composed(w, s, rule), padding=1)
        (y * pull).sum().backward()
        results.append([y.detach(), w.grad, *([s.grad] if s is not None else [])])
    for ours, reference in zip(*results, strict=True):
        torch.testing.assert_close(ours, reference, rtol=1e-9, atol=1e-9)


def test_a_learned_scale_by_hand():
    weight, scale = filters(0.5, -2.0).requires_grad_(), filters(3.0).requires_grad_()
    x = torch.tensor([1.0, 1.0]).double().view(1, 2, 1, 1)
    y = binary_conv2d(x, weight, StraightThrough("xnor"), scale=scale, stride=1, padding=0, input_gradient="clipped")
    assert y.item() == 3.0 * (1 - 1)
    (5 * y).sum().backward()
    assert scale.grad.item() == 5 * (1 - 1)
    assert weight.grad.flatten().tolist() == [5 * 3.0, 0.0]  # |w| > 1 gets none


@pytest.mark.parametrize(("b_minus", "b_plus"), [(0.0, 0.0), (0.3, -1.2), (-2.0, 1.0)])
def test_the_relaxed_choice_is_the_tanh_of_half_the_difference_of_the_logits(b_minus, b_plus):
    p_minus, p_plus = torch.tensor([b_minus, b_plus]).double().softmax(0).tolist()
    d = filters(b_plus - b_minus)
    relaxed = Searched("soft").effective(d, None).item()
    assert relaxed == pytest.approx(p_plus * 1 + p_minus * -1)
    assert relaxed == pytest.approx(math.tanh((b_plus - b_minus) / 2))


def test_the_discrete_choice_is_the_more_probable_one_and_a_tie_is_plus_one():
    assert Searched("hard").effective(filters(0.1, -0.1, 0.0, -3.0), None).flatten().tolist() == [1, -1, 1, -1]


def test_the_searched_gradient_by_hand():
    d, scale = filters(0.0, 2.0).requires_grad_(), filters(0.5).requires_grad_()
    x = torch.tensor([1.0, -1.0]).double().view(1, 2, 1, 1)
    y = binary_conv2d(x, d, Searched("hard"), scale=scale, stride=1, padding=0, input_gradient="clipped")
    assert y.item() == 0.5 * (1 - 1)
    y.sum().backward()
    slope = 0.5 * (1 - math.tanh(1.0) ** 2)
    assert d.grad.flatten().tolist() == pytest.approx([0.5 * 0.5 * 1, 0.5 * slope * -1])
    assert scale.grad.item() == pytest.approx(1 - 1)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_soft_forward_has_the_gradient_of_its_own_finite_differences(temperature):
    torch.manual_seed(0)
    x, d = torch.randn(1, 2, 4, 4).double(), torch.randn(2, 2, 3, 3).double().requires_grad_()
    scale = torch.rand(2, 1, 1, 1).double().requires_grad_()
    rule = Searched("soft", temperature)
    assert torch.autograd.gradcheck(lambda w, s: binary_conv2d(x, w, rule, scale=s, **GEOMETRY), (d, scale))


def test_the_first_stage_of_two_convolves_signs_with_the_weight_itself():
    x, weight = torch.randn(1, 2, 4, 4), torch.randn(3, 2, 3, 3).requires_grad_()
    y = binary_conv2d(x, weight, RealWeight(), **GEOMETRY)
    torch.testing.assert_close(y, F.conv2d(sign(x), weight, padding=1))
    upstream = torch.randn_like(y)
    y.backward(upstream)
    plain = weight.detach().clone().requires_grad_()
    F.conv2d(sign(x), plain, padding=1).backward(upstream)
    torch.testing.assert_close(weight.grad, plain.grad)


def test_a_filter_of_zeros_still_learns():
    weight = torch.zeros(1, 2, 1, 1).requires_grad_()
    x = torch.ones(1, 2, 1, 1)
    binary_conv2d(x, weight, StraightThrough("xnor"), stride=1, padding=0, input_gradient="clipped").sum().backward()
    assert weight.grad.flatten().tolist() == pytest.approx([1.0, 1.0])  # <G, sign(w)> / 2 = (1 + 1) / 2


@pytest.mark.parametrize("rule", [*RULES, RealWeight()], ids=str)
def test_the_signs_alone_are_exact_and_have_a_gradient(rule):
    weight = torch.randn(4, 3, 3, 3).requires_grad_()
    signs = rule.signs(weight)
    if getattr(rule, "relaxation", "hard") == "hard":
        assert torch.equal(signs, sign(weight))
    signs.sum().backward()
    assert weight.grad.count_nonzero() > 0
