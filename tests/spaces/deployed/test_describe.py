"""Every layer method as `describe` tells it, computed by the numpy reference, against the unit in torch."""

import numpy as np
import pytest
import torch
from random_layers import ALL, lively, measured, place
from torch import nn

from spaces.deployed.describe import UndescribedError, describe, describe_layer, describe_unit
from spaces.deployed.reference import layer, quantized
from spaces.deployed.rows import arrays_of, row_of
from spaces.layers import METHODS, OpenedConv, OpenedLinear, SearchableUnit, UnitShape
from spaces.layers.levels import LevelNorms, at_level
from spaces.layers.opened import ActivatedConv2d, ActivatedLinear
from spaces.layers.signs import sign

PLACES = range(5)


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


def compare(convolution, x, y, level=0):
    """The reference's y against torch's: within 1e-5 of the largest value."""
    made = layer(row_of(convolution), arrays_of(convolution, level), x.numpy())
    np.testing.assert_allclose(made[2], y.numpy(), atol=1e-5 * max(1, float(y.abs().max())), rtol=0)
    return made


@pytest.mark.parametrize("number", PLACES)
@pytest.mark.parametrize("name", ALL)
def test_the_description_computes_what_the_unit_does(name, number):
    torch.manual_seed(number)
    shape, kind, x = place(number)
    unit = measured(lively(SearchableUnit(shape, [name], kind, bias=bool(number % 2))), x)
    compare(describe_unit("it", unit), x, unit(x))


@pytest.mark.parametrize("number", PLACES)
@pytest.mark.parametrize("name", [name for name in ALL if METHODS[name.partition("+")[0]].is_binary])
def test_the_products_of_a_binary_unit_are_its_own_as_whole_numbers(name, number):
    torch.manual_seed(number)
    shape, kind, x = place(number)
    unit = lively(SearchableUnit(shape, [name], kind))
    trace = unit.alternatives[name].trace(x, unit.weight)
    bits, sums = trace.binary_input, sign(trace.binary_weight if trace.of_signs else trace.weight)
    pad = (shape.padding,) * 4
    padded = nn.functional.pad(bits, pad, value=trace.pad_value)
    wanted = nn.functional.conv2d(padded, sums, None, shape.stride, 0, shape.dilation, shape.groups)
    convolution = describe_unit("it", unit)
    q, p, _ = layer(row_of(convolution), arrays_of(convolution), x.numpy())
    assert np.array_equal(q, bits.numpy())
    assert np.array_equal(p, wanted.numpy())


@pytest.mark.parametrize(("name", "bits"), [("int8", 8), ("int4", 4), ("int2", 2)])
def test_levels_of_few_bits_times_their_steps_are_what_is_convolved(name, bits, monkeypatch):
    torch.manual_seed(0)
    x = torch.randn(2, 4, 6, 6)
    unit = measured(lively(SearchableUnit(UnitShape(4, 5, 3), [name], "none")), x)
    seen = []
    plain = nn.functional.conv2d
    monkeypatch.setattr(nn.functional, "conv2d", lambda *given: seen.append(given) or plain(*given))
    unit(x)
    convolution = describe_unit("it", unit)
    levels = quantized(row_of(convolution), {}, x.numpy())
    assert (convolution.bits, levels.min(), convolution.weight.dtype) == (bits, 0, np.int8)
    assert np.abs(convolution.weight).max() <= 2 ** (bits - 1)
    assert np.array_equal(levels * np.float32(convolution.input.step), seen[0][0].numpy())
    weight = convolution.weight * convolution.scale[:, None, None, None]
    assert np.array_equal(weight, seen[0][1].numpy())


@pytest.mark.parametrize("name", ["real", "int8", "int4", "bireal", "adabin", "sign+bases2", "lcb"])
def test_opened_layers_are_told_too(name):
    torch.manual_seed(0)
    conv = ActivatedConv2d(6, 4, 3, 2, 1, groups=2, activation="relu6")
    linear = ActivatedLinear(7, 3)
    for layer_of, x in ((OpenedConv(conv, [name]), torch.randn(2, 6, 5, 5)), (OpenedLinear(linear, [name]), None)):
        given = torch.randn(4, 7) if x is None else x
        unit = measured(lively(layer_of), given)
        compare(describe_unit("it", unit), given, unit(given))


def test_real_layers_stand_beside_the_units_under_their_own_names():
    torch.manual_seed(0)
    network = nn.ModuleDict(
        {
            "conv": nn.Conv2d(3, 4, 3, 2, 1),
            "unit": SearchableUnit(UnitShape(4, 8, 3), ["lcb_dynamic"]),
            "linear": ActivatedLinear(8, 2),
        }
    )
    found = describe(lively(network))
    assert list(found) == ["conv", "unit", "unit.shortcut.1", "linear"]
    for name, x in {"conv": torch.randn(1, 3, 7, 7), "linear": torch.randn(3, 8)}.items():
        compare(found[name], x, network[name](x))
    assert found["unit"].shortcut.convolution.name == "unit.shortcut.1"


def test_a_convolution_that_all_levels_share_has_a_norm_for_each():
    torch.manual_seed(0)
    shape = UnitShape(4, 4, 3, build_norm=lambda channels: LevelNorms(channels, 2))
    unit = lively(SearchableUnit(shape, ["react+gate"]))
    x = torch.randn(1, 4, 5, 5)
    for level in (0, 1):
        with at_level(unit.modules(), level):
            compare(describe_unit("it", unit), x, unit(x), level)


def test_a_group_norm_stays_unfolded():
    torch.manual_seed(0)
    shape = UnitShape(4, 4, 3, build_norm=lambda channels: nn.GroupNorm(2, channels))
    for name in ("sign", "sign+gate", "sign+bases2", "adabin", "int8", "real"):
        x = torch.randn(2, 4, 5, 5)
        unit = measured(lively(SearchableUnit(shape, [name], bias=True)), x)
        compare(describe_unit("it", unit), x, unit(x))


def test_a_layer_of_two_levels_that_a_reader_can_work_out():
    """Weights 9, 3, 1, -5 are 7, 7, -3, -3; s = 2, the norm's factor 10, signs (+, -, +, +): 20 (7 - 7 - 6)."""
    unit = SearchableUnit(UnitShape(4, 1, 1), ["adabin"], "none").eval()
    one = unit.alternatives["adabin"]
    unit.weight.copy_(torch.tensor([9.0, 3, 1, -5]).view(1, 4, 1, 1))
    one.size_log.fill_(np.log(2))
    one.threshold.fill_(0.5)
    one.bn.running_var.fill_(1 - one.bn.eps)
    one.bn.weight.fill_(10)
    one.post.below.fill_(-0.5)
    one.post.above.fill_(0)
    x = torch.tensor([0.5, 0.4, 3, 3]).view(1, 4, 1, 1)
    convolution = describe_unit("it", unit)
    arrays = arrays_of(convolution)
    numbers = {name: arrays[name].tolist() for name in ("threshold", "multiplier", "box_multiplier", "above", "slope")}
    assert numbers.pop("multiplier") == pytest.approx([100])
    assert numbers.pop("box_multiplier") == pytest.approx([40])
    assert numbers == {"threshold": [0.5] * 4, "above": [0], "slope": [-0.5]}
    _, p, y = compare(convolution, x, unit(x))
    assert (p.item(), y.item()) == (-2, pytest.approx(-0.5 * (100 * -2 + 40 * 2)))  # r = 2; 20 (7 - 7 - 6) = -120
    slope, above = convolution.post.factored
    assert (slope * above).tolist() == pytest.approx([-0.5])
    assert above.tolist() == pytest.approx([1e-6])


def test_a_layer_of_two_bases_that_a_reader_can_work_out():
    """Weights 3, 1, -2, 0 are 1.5 (+ + - +) + 1 (+ - - -); the norm's factor 10, signs (+, -, -, +)."""
    unit = SearchableUnit(UnitShape(4, 1, 1), ["sign+bases2"], "none").eval()
    one = unit.alternatives["sign+bases2"]
    unit.weight.copy_(torch.tensor([3.0, 1, -2, 0]).view(1, 4, 1, 1))
    one.bn.running_var.fill_(1 - one.bn.eps)
    one.bn.weight.fill_(10)
    convolution, x = describe_unit("it", unit), torch.tensor([1.0, -1, -1, 1]).view(1, 4, 1, 1)
    arrays = arrays_of(convolution)
    assert [arrays[f"{which}multiplier"].tolist() for which in ("", "second_")] == [[15], [10]]
    assert [arrays[f"{which}weight"].flatten().tolist() for which in ("", "second_")] == [
        [1, 1, -1, 1],
        [1, -1, -1, -1],
    ]
    _, p, y = compare(convolution, x, unit(x))
    assert (p.item(), y.item()) == (2, pytest.approx(15 * (1 - 1 + 1 + 1) + 10 * (1 + 1 + 1 - 1)))


def test_a_zero_is_above_a_threshold_of_zero():
    convolution = describe_unit("it", SearchableUnit(UnitShape(1, 1, 1), ["sign"]).eval())
    x = np.float32([[[[0.0, -0.0, -1e-30]]]])
    assert quantized(row_of(convolution), arrays_of(convolution), x).tolist() == [[[[1, 1, -1]]]]


@pytest.mark.parametrize("name", ["int8", "int4"])
def test_a_range_that_was_never_measured_is_refused(name):
    with pytest.raises(UndescribedError, match="range of the inputs of it was never measured: train the detector"):
        describe_unit("it", SearchableUnit(UnitShape(2, 2, 1), [name]).eval())


def test_a_convolution_that_is_not_square_is_refused():
    with pytest.raises(UndescribedError, match="only square convolutions"):
        describe_layer("it", nn.Conv2d(1, 1, (1, 3)))
