"""Every layer method in onnxruntime against torch and the numpy reference, on random layers in random places."""

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

pytest.importorskip("onnx", reason="onnx isn't installed: pip install '.[onnx]'")
pytest.importorskip("onnxruntime", reason="onnxruntime isn't installed: pip install '.[onnx]'")

from trainers.export.exporter import WrongExportError
from trainers.export.graphs.checks import Placed
from trainers.export.onnx.builder import Builder
from trainers.export.onnx.checks import run_layers
from trainers.export.onnx.layers import sums
from trainers.export.onnx.runtime import Session
from trainers.export.onnx.weights import levels

PLACES = range(6)
SHORTCUTS = ("projected", "free", "free_if_binary", "none")


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


def run(built, inputs):
    """The results of one model with an input each."""
    build, given = Builder(), {f"x{i}": x for i, x in enumerate(inputs)}
    made = {f"y{i}": one(build, f"x{i}") for i, one in enumerate(built)}
    shapes = {name: ("float32", x.shape) for name, x in given.items()}
    return list(Session(build.model(shapes, made, "layers").SerializeToString())(given).values())


def sums_of(layers, x):
    return run([lambda build, x, one=one: sums(build, one, x) for one in layers], [x] * len(layers))


def check(units, inputs):
    """Units against torch."""
    made = run_layers([Placed(describe_unit("it", unit), 0, x.numpy()) for unit, x in zip(units, inputs, strict=True)])
    for one, unit, x in zip(made, units, inputs, strict=True):
        near(one, unit(x))


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
    check(units, inputs)


@pytest.mark.parametrize("shortcut", SHORTCUTS)
@pytest.mark.parametrize("name", ["react", "lcb_dynamic", "int8", "int4", "real"])
def test_shortcuts_of_every_kind(name, shortcut):
    torch.manual_seed(0)
    shapes = [UnitShape(8, 8, 3), UnitShape(8, 16, 3, 2), UnitShape(16, 8, 1), UnitShape(6, 4, 1, 2)]
    inputs = [torch.randn(1, shape.in_channels, 7, 5) for shape in shapes]
    pairs = zip(shapes, inputs, strict=True)
    check([measured(lively(SearchableUnit(shape, [name], shortcut)), x) for shape, x in pairs], inputs)


@pytest.mark.parametrize("pad_value", [0, -1])
@pytest.mark.parametrize("inputs", [1, 3, 8, 17])
def test_sums_of_1_bit_products_are_the_same_whole_numbers_for_any_number_of_channels(inputs, pad_value):
    places = [
        (outputs, kernel, stride, dilation)
        for outputs in (1, 5, 8)
        for kernel, dilation in ((1, 1), (3, 1), (3, 2))
        for stride in (1, 2)
    ]
    layers = [binary(inputs, *one, pad_value) for one in places]
    layers += [binary(inputs * 2, inputs * 4, 3, 2, 1, pad_value, groups=inputs)] * (inputs > 1)
    x = np.random.default_rng(0).normal(size=(1, inputs, 7, 9)).astype(np.float32)
    given = [x if one.in_channels == inputs else np.concatenate([x, -x], 1) for one in layers]
    made = run([lambda build, x, one=one: sums(build, one, x) for one in layers], given)
    for one, layer, own in zip(made, layers, given, strict=True):
        assert np.array_equal(one, reference(row_of(layer), arrays_of(layer), own)[1])


@pytest.mark.parametrize("name", ["int4", "int2"])
def test_sums_of_few_bits_are_the_same_whole_numbers(name):
    torch.manual_seed(0)
    x = torch.randn(1, 5, 6, 6)
    shapes = [UnitShape(5, 7, 3), UnitShape(5, 3, 1, 2, activation="relu6"), UnitShape(5, 3, 3, activation="none")]
    layers = [describe_unit("it", measured(lively(SearchableUnit(shape, [name])), x)) for shape in shapes]
    for made, one in zip(sums_of(layers, x.numpy()), layers, strict=True):
        assert np.array_equal(made, reference(row_of(one), arrays_of(one), x.numpy())[1])


@pytest.mark.parametrize(("kind", "low", "high"), [("binary", -1, 1), ("int2", -2, 1), ("int4", -8, 7)])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (3, 5, 3, 3), (8, 2, 1, 1)])
def test_packed_weights_come_out_as_they_were(kind, low, high, shape):
    values = np.random.default_rng(0).choice([low, high] if kind == "binary" else range(low, high + 1), shape)
    layer = Convolution("it", "it", kind, values.astype(np.int8), np.ones(1, np.float32), BinaryInput(np.zeros(1)))
    build = Builder()
    made = Session(build.model({}, {"y": levels(build, layer)}, "weight").SerializeToString())({})["y"]
    assert np.array_equal(made, values)
    stored = [one for one in build.constants.values() if one.dims and len(one.dims) == 2 and one.dims[1] == 1]
    assert [len(one.raw_data) for one in stored] == [-(-values.size * layer.bits // 8)]


def test_a_value_at_a_threshold_is_above_it():
    thresholds = np.float32([0, -0.0, 1.5, -1.5, 1e-38, -1e-38, 1e-45, -1e-45])
    layer = Convolution(
        "it", "sign", "binary", np.ones((1, 8, 1, 1), np.int8), np.ones(1, np.float32), BinaryInput(thresholds)
    )
    x = np.stack([thresholds, np.nextafter(thresholds, np.float32(-9)), -np.abs(thresholds) * 0], -1)[None, :, None]
    # at the thresholds; right under them; at -0, which is above four of them and as good as 0
    assert sums_of([layer], x)[0].ravel().tolist() == [8, -8, 2]


@pytest.mark.parametrize("name", ["real", "int8", "int4", "int2", "bireal", "adabin", "sign+bases2", "lcb_dynamic"])
def test_opened_layers(name):
    torch.manual_seed(0)
    conv, head = ActivatedConv2d(6, 4, 3, 2, 1, groups=2, activation="relu6"), ActivatedConv2d(8, 5, 1)
    units = [OpenedConv(conv, [name]), OpenedConv(head, [name]), OpenedLinear(ActivatedLinear(7, 3), [name])]
    inputs = [torch.randn(1, 6, 5, 5), torch.randn(1, 8, 4, 4), torch.randn(4, 7)]
    check([measured(lively(unit), x) for unit, x in zip(units, inputs, strict=True)], inputs)


def test_each_level_has_its_own_norm_and_all_share_one_weight():
    torch.manual_seed(0)
    shape = UnitShape(8, 8, 3, build_norm=lambda channels: LevelNorms(channels, 2))
    unit, x = lively(SearchableUnit(shape, ["react"])), torch.randn(1, 8, 5, 5)
    layer = describe_unit("it", unit)
    made = run_layers([Placed(layer, level, x.numpy()) for level in (0, 1)])
    for level in (0, 1):
        with at_level(unit.modules(), level):
            near(made[level], unit(x))
    build = Builder()
    assert levels(build, layer) == levels(build, layer)
    assert [node.op_type for node in build.nodes].count("BitShift") == 1


def test_a_group_norm_stays():
    torch.manual_seed(0)
    shape = UnitShape(8, 8, 3, build_norm=lambda channels: nn.GroupNorm(2, channels))
    x = torch.randn(1, 8, 5, 5)
    names = ("sign", "sign+bases2", "adabin", "int8", "int4", "real")
    check([measured(lively(SearchableUnit(shape, [name], bias=True)), x) for name in names], [x] * len(names))


def test_a_graph_with_a_fault_is_refused():
    build = Builder()
    made = build.op("Add", "x", build.constant(np.ones(7)))
    with pytest.raises(WrongExportError, match="onnx finds a fault in the graph"):
        build.model({"x": ("float32", (2, 3))}, {"y": made}, "wrong")
