"""Every layer method in OpenVINO against torch and against the numpy reference, on random layers in random places."""

import numpy as np
import pytest
import torch
from random_layers import ALL, binary, lively, measured, place
from torch import nn

from spaces.deployed.describe import describe_unit
from spaces.deployed.form import BinaryInput, Convolution
from spaces.deployed.reference import layer as reference
from spaces.deployed.rows import arrays_of, row_of
from spaces.layers import OpenedConv, OpenedLinear, SearchableUnit, UnitShape
from spaces.layers.levels import LevelNorms, at_level
from spaces.layers.opened import ActivatedConv2d, ActivatedLinear

pytest.importorskip("openvino", reason="openvino isn't installed: pip install '.[openvino]'")

from trainers.export.openvino.binary import below, binary_sums, signed_sums
from trainers.export.openvino.layers import build_layer, convolutions, runs_as_bits
from trainers.export.openvino.machine import settings
from trainers.export.openvino.runtime import compiled, kernels, model, op

PLACES = range(6)
NORMED = ("sign", "sign+gate", "sign+bases2", "int8", "real")
PAIRED = ("projected", "free", "free_if_binary", "none")


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


def run(build, inputs):
    """The results of one graph with an input each, and the kinds of operators that it ran."""
    parameters = [op.parameter(list(x.shape), np.float32) for x in inputs]
    made = [build[place](parameter.output(0)) for place, parameter in enumerate(parameters)]
    ready = compiled(model(made, parameters, "layers"), settings())
    results = ready(list(inputs))
    return [results[place] for place in range(len(inputs))], [kind for kind, _ in kernels(ready)]


def run_units(units, inputs):
    layers = [describe_unit("it", unit) for unit in units]
    made, kinds = run([lambda x, one=one: build_layer(one, x) for one in layers], [x.numpy() for x in inputs])
    parts = [part for one in layers for part in (one, one.shortcut and one.shortcut.convolution) if part]
    assert kinds.count("BinaryConvolution") == sum(convolutions(one) for one in parts if runs_as_bits(one))
    return made


def near(made, wanted):
    np.testing.assert_allclose(made, wanted.numpy(), atol=1e-5 * max(1, float(wanted.abs().max())), rtol=0)


@pytest.mark.parametrize("name", ALL)
def test_a_unit_computes_what_it_does_in_torch(name):
    units, inputs = [], []
    for number in PLACES:
        torch.manual_seed(number)
        shape, kind, x = place(number)
        inputs.append(x[:1])
        units.append(measured(lively(SearchableUnit(shape, [name], kind, bias=bool(number % 2))), x[:1]))
    for made, unit, x in zip(run_units(units, inputs), units, inputs, strict=True):
        near(made, unit(x))


@pytest.mark.parametrize("shortcut", PAIRED)
@pytest.mark.parametrize("name", ["react", "adabin", "lcb_dynamic", "int8", "real"])
def test_shortcuts_of_every_kind(name, shortcut):
    torch.manual_seed(0)
    shapes = [UnitShape(8, 8, 3), UnitShape(8, 16, 3, 2), UnitShape(16, 8, 1), UnitShape(6, 4, 1, 2)]
    inputs = [torch.randn(1, shape.in_channels, 7, 5) for shape in shapes]
    units = [
        measured(lively(SearchableUnit(shape, [name], shortcut)), x) for shape, x in zip(shapes, inputs, strict=True)
    ]
    for made, unit, x in zip(run_units(units, inputs), units, inputs, strict=True):
        near(made, unit(x))


@pytest.mark.parametrize("pad_value", [0, -1])
@pytest.mark.parametrize("inputs", [1, 2, 3, 7, 8, 12, 17, 64])
def test_sums_of_1_bit_products_are_the_same_whole_numbers_for_any_number_of_channels(inputs, pad_value):
    places = [
        (outputs, kernel, stride, dilation)
        for outputs in (1, 5, 8, 33)
        for kernel, dilation in ((1, 1), (3, 1), (3, 2), (7, 1))
        for stride in (1, 2)
    ]
    layers = [binary(inputs, *one, pad_value) for one in places]
    x = np.random.default_rng(0).normal(size=(1, inputs, 7, 9)).astype(np.float32)
    made, kinds = run([lambda x, one=one: binary_sums(one, x) for one in layers], [x] * len(layers))
    assert kinds.count("BinaryConvolution") == len(layers)
    for sums, one in zip(made, layers, strict=True):
        assert np.array_equal(sums, reference(row_of(one), arrays_of(one), x)[1])


@pytest.mark.parametrize("pad_value", [0, -1])
def test_grouped_sums_are_the_same_whole_numbers_in_floats(pad_value):
    layers = [
        binary(6, 12, 3, stride, dilation, pad_value, groups) for groups, stride, dilation in ((6, 1, 1), (3, 2, 2))
    ]
    x = np.random.default_rng(0).normal(size=(1, 6, 7, 9)).astype(np.float32)
    made, kinds = run([lambda x, one=one: signed_sums(one, x) for one in layers], [x] * len(layers))
    assert "BinaryConvolution" not in kinds
    for sums, one in zip(made, layers, strict=True):
        assert np.array_equal(sums, reference(row_of(one), arrays_of(one), x)[1])


@pytest.mark.parametrize(("name", "each"), [("react", 1), ("react+gate", 1), ("adabin", 2), ("react+bases2", 2)])
def test_units_in_a_row_keep_their_own_weights(name, each):
    torch.manual_seed(0)
    units = nn.Sequential(*(lively(SearchableUnit(UnitShape(16, 16, 3), [name])) for _ in range(6)))
    x = torch.randn(1, 16, 12, 12)

    def build(y):
        for unit in units:
            y = build_layer(describe_unit("it", unit), y)
        return y

    made, kinds = run([build], [x.numpy()])
    assert kinds.count("BinaryConvolution") == 6 * each
    near(made[0], units(x))


def test_a_value_at_a_threshold_is_above_it():
    thresholds = np.float32([0, -0.0, 1.5, -1.5, 1e-38, -1e-38, 2e-38, -2e-38])
    under = below(thresholds)
    assert (under < thresholds).all()
    tiny = np.finfo(np.float32).tiny
    assert under[:2].tolist() == [-tiny, -tiny]
    assert (np.abs(under[under != 0]) >= tiny).all()
    layer = binary(8, 8, 1, 1, 1, 0)
    layer = Convolution(
        "it", "sign", "binary", np.ones((1, 8, 1, 1), np.int8), layer.scale[:1], BinaryInput(np.zeros(8, np.float32))
    )
    x = np.zeros((1, 8, 1, 4), np.float32)
    x[..., 1], x[..., 2], x[..., 3] = -0.0, -2e-38, 2e-38
    assert run([lambda x: binary_sums(layer, x)], [x])[0][0].ravel().tolist() == [8, 8, -8, 8]


@pytest.mark.parametrize("name", ["real", "int8", "int4", "bireal", "adabin", "sign+bases2", "lcb_dynamic"])
def test_opened_layers(name):
    torch.manual_seed(0)
    conv, head = ActivatedConv2d(6, 4, 3, 2, 1, groups=2, activation="relu6"), ActivatedConv2d(8, 5, 1)
    units = [OpenedConv(conv, [name]), OpenedConv(head, [name]), OpenedLinear(ActivatedLinear(7, 3), [name])]
    inputs = [torch.randn(1, 6, 5, 5), torch.randn(1, 8, 4, 4), torch.randn(4, 7)]
    units = [measured(lively(unit), x) for unit, x in zip(units, inputs, strict=True)]
    for made, unit, x in zip(run_units(units, inputs), units, inputs, strict=True):
        near(made, unit(x))


def test_each_level_has_its_own_norm():
    torch.manual_seed(0)
    shape = UnitShape(8, 8, 3, build_norm=lambda channels: LevelNorms(channels, 2))
    unit, x = lively(SearchableUnit(shape, ["react+gate"])), torch.randn(1, 8, 5, 5)
    layer = describe_unit("it", unit)
    made, _ = run([lambda x, level=level: build_layer(layer, x, level) for level in (0, 1)], [x.numpy()] * 2)
    for level in (0, 1):
        with at_level(unit.modules(), level):
            near(made[level], unit(x))


def test_a_group_norm_stays():
    torch.manual_seed(0)
    shape = UnitShape(8, 8, 3, build_norm=lambda channels: nn.GroupNorm(2, channels))
    x = torch.randn(1, 8, 5, 5)
    units = [measured(lively(SearchableUnit(shape, [name], bias=True)), x) for name in NORMED]
    for made, unit in zip(run_units(units, [x] * len(units)), units, strict=True):
        near(made, unit(x))
