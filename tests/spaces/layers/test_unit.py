import pytest
import torch
import torch.nn.functional as F
from torch import nn

from spaces.layers import METHODS, SearchableUnit, UnitShape
from spaces.layers.binary_conv import binary_conv2d
from spaces.layers.weight_rules import StraightThrough

ALL = tuple(METHODS)


def unit_of(in_channels, out_channels, kernel=3, stride=1, methods=ALL, shortcut="projected", bias=False, **place):
    torch.manual_seed(0)
    shape = UnitShape(in_channels, out_channels, kernel, stride, **place)
    unit = SearchableUnit(shape, methods, shortcut, bias=bias)
    for norm in (module for module in unit.modules() if isinstance(module, nn.BatchNorm2d)):
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    return unit.eval()


def batch_norm(norm, x):
    return F.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps)


def test_a_real_unit_is_relu_convolution_batch_norm_and_the_shortcut():
    unit, x = unit_of(4, 4), torch.randn(2, 4, 5, 5)
    unit.activate("real")
    expected = batch_norm(unit.alternatives["real"].bn, F.conv2d(x.clamp(min=0), unit.weight, padding=1)) + x
    torch.testing.assert_close(unit(x), expected)


@pytest.mark.parametrize(
    ("method", "input_gradient", "weight_gradient"), [("sign", "clipped", "xnor"), ("bireal", "approx", "clipped")]
)
def test_a_1_bit_unit_is_sign_convolution_batch_norm_and_the_shortcut(method, input_gradient, weight_gradient):
    unit = unit_of(4, 4)
    unit.activate(method)
    x = torch.randn(2, 4, 5, 5)
    ours, reference = x.clone().requires_grad_(), x.clone().requires_grad_()
    rule = StraightThrough(weight_gradient)
    y = binary_conv2d(reference, unit.weight, rule, stride=1, padding=1, input_gradient=input_gradient)
    expected = batch_norm(unit.alternatives[method].bn, y) + reference
    torch.testing.assert_close(unit(ours), expected)
    gradients = []
    for result, source in ((unit(ours), ours), (expected, reference)):
        unit.weight.grad = None
        (result**2).sum().backward()
        gradients.append((source.grad, unit.weight.grad))
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize(("size", "halved"), [((3, 3), (2, 2)), ((5, 4), (3, 2)), ((1, 1), (1, 1)), ((2, 7), (1, 4))])
def test_odd_maps_are_halved_upwards_by_both_branches(method, kernel, size, halved):
    unit = unit_of(3, 8, kernel, stride=2)
    unit.activate(method)
    assert unit(torch.randn(2, 3, *size)).shape == (2, 8, *halved)


def test_the_shortcut_averages_only_what_lies_inside_the_map():
    unit = unit_of(1, 1, stride=2)
    pool = unit.shortcut[0]
    x = torch.tensor([[1.0, 3.0, 10.0], [5.0, 7.0, 20.0], [100.0, 200.0, 42.0]]).view(1, 1, 3, 3)
    assert pool(x).flatten().tolist() == [4, 15, 150, 42]


def test_the_shortcut_is_the_input_itself_where_the_shape_stays():
    assert isinstance(unit_of(4, 4).shortcut, nn.Identity)
    assert [type(part) for part in unit_of(4, 8).shortcut] == [nn.Identity, nn.Conv2d, nn.BatchNorm2d]


@pytest.mark.parametrize(
    ("activation", "expected"),
    [("relu", lambda x: x.clamp(min=0)), ("relu6", lambda x: x.clamp(0, 6)), ("none", lambda x: x)],
)
def test_a_real_unit_has_the_pre_activation_of_its_place(activation, expected):
    unit = unit_of(4, 4, activation=activation, shortcut="none")
    x = 8 * torch.randn(2, 4, 5, 5)
    own = batch_norm(unit.alternatives["real"].bn, F.conv2d(expected(x), unit.weight, padding=1))
    torch.testing.assert_close(unit(x), own)


@pytest.mark.parametrize("method", ["real", "int8", "sign", "react", "bireal+learned_scale"])
@pytest.mark.parametrize(
    ("shortcut", "around"),
    [
        ("none", set()),
        ("free_if_binary", {"sign", "react", "bireal+learned_scale"}),
        ("free", {"real", "int8", "sign", "react", "bireal+learned_scale"}),
    ],
)
def test_a_shortcut_lies_around_the_alternatives_that_it_is_for(method, shortcut, around):
    methods = ("real", "int8", "sign", "react", "bireal+learned_scale")
    unit, bare = (unit_of(4, 4, methods=methods, shortcut=kind) for kind in (shortcut, "none"))
    unit.activate(method)
    bare.activate(method)
    x = torch.randn(2, 4, 5, 5)
    one = bare.alternatives[method]
    expected = one.after(one(x, bare.weight) + x) if method in around else bare(x)
    torch.testing.assert_close(unit(x), expected)


def test_alternatives_share_the_weight_and_own_their_batch_norm():
    unit = unit_of(4, 4)
    assert [name for name, _ in unit.named_parameters() if not name.startswith("alternatives.")] == ["weight"]
    norms = [unit.alternatives[name].bn for name in ALL]
    assert len({id(norm.weight) for norm in norms}) == len({id(norm.running_mean) for norm in norms}) == len(ALL)
    unit.train()
    unit.activate("sign")
    before = {name: tensor.clone() for name, tensor in unit.state_dict().items()}
    unit(torch.randn(2, 4, 5, 5)).sum().backward()
    changed = {name for name, tensor in unit.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == {
        f"alternatives.sign.bn.{name}" for name in ("running_mean", "running_var", "num_batches_tracked")
    }
    assert {name for name, p in unit.named_parameters() if p.grad is not None} == {
        "weight",
        "alternatives.sign.bn.weight",
        "alternatives.sign.bn.bias",
    }


def test_one_unit_runs_at_two_resolutions():
    unit = unit_of(4, 4)
    small, large = torch.randn(1, 4, 3, 3), torch.randn(1, 4, 9, 6)
    first = unit(small)
    assert unit(large).shape == large.shape
    torch.testing.assert_close(unit(small), first)


@pytest.mark.parametrize("method", ALL)
def test_no_method_is_affine(method):
    """f(x) + f(y) = f(x + y) + f(0) holds for affine maps: without its ReLU a real unit is one."""
    unit = unit_of(4, 4)
    unit.activate(method)
    x, y = torch.randn(2, 1, 4, 5, 5).unbind()

    def gap():
        return (unit(x) + unit(y) - unit(x + y) - unit(torch.zeros_like(x))).abs().max()

    assert gap() > 0.1
    if method == "real":  # the check itself: it must see a missing ReLU
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("spaces.layers.real.activated", lambda x, activation: x)
            assert gap() < 1e-4


def test_an_unknown_method_is_named_with_the_known_ones():
    with pytest.raises(
        ValueError,
        match=r"No layer method is called 'dbz'\. Did you mean 'dbs'\? Known: real, int8, int4, int2, sign, ",
    ):
        SearchableUnit(UnitShape(4, 4, 3), ["real", "dbz"])
    with pytest.raises(ValueError, match="A unit needs one layer method or more"):
        SearchableUnit(UnitShape(4, 4, 3), [])


def test_a_method_that_the_unit_was_not_built_with_is_refused():
    with pytest.raises(ValueError, match="This unit offers real, sign; 'bireal' was asked for"):
        unit_of(4, 4, methods=("real", "sign")).activate("bireal")


def test_the_first_method_is_the_active_one():
    assert unit_of(4, 4, methods=("sign", "real")).active == "sign"
    assert "active=sign" in repr(unit_of(4, 4, methods=("sign", "real")))


def test_every_method_says_at_which_precision_it_computes():
    bits = {name: (one.weight_bits, one.input_bits) for name, one in METHODS.items()}
    wide = {"real": 32, "int8": 8, "int4": 4, "int2": 2}
    assert {name: bits.pop(name) for name in wide} == {name: (width, width) for name, width in wide.items()}
    assert set(bits.values()) == {(1, 1)}
    assert {name for name, one in METHODS.items() if one.is_binary} == bits.keys()


def test_a_bias_stands_behind_the_convolution_of_every_alternative():
    unit = unit_of(4, 4, methods=("real", "bireal"), shortcut="none", norm="never", bias=True)
    x = torch.randn(2, 4, 5, 5)
    for method in ("real", "bireal"):
        unit.activate(method)
        nn.init.zeros_(unit.bias)
        without = unit(x)
        with torch.no_grad():
            unit.bias.copy_(torch.arange(4.0))
        torch.testing.assert_close(unit(x) - without, torch.arange(4.0).view(1, 4, 1, 1).expand(2, 4, 5, 5))


@pytest.mark.parametrize(
    ("norm", "expected"),
    [("always", set(ALL)), ("if_binary", set(ALL) - {"real", "int8", "int4", "int2"}), ("never", set())],
)
def test_a_place_says_which_alternatives_have_a_batch_norm(norm, expected):
    unit = unit_of(4, 4, norm=norm)
    assert {name for name, one in unit.alternatives.items() if isinstance(one.bn, nn.BatchNorm2d)} == expected
