from dataclasses import replace

import pytest
import torch
from torch import nn

from spaces.backbones.resnet import resnet18
from spaces.candidate import Candidate
from spaces.cost import CostError, Costs, LayerCost, layer_costs, macs_of, macs_per_operation, totals
from spaces.detectors import searchable_units
from spaces.layers import METHODS, Method, SearchableUnit, UnitShape
from spaces.layers.alternative import Alternative
from spaces.supernet import activate, build_fixed, extract

REAL = 32


def image(size=96):
    return [torch.zeros(3, size, size)]


def test_a_convolution_multiplies_its_kernel_at_every_output():
    assert macs_of((4, 2, 3, 3), (1, 4, 5, 7)) == 4 * 2 * 3 * 3 * 5 * 7
    assert macs_of((8, 1, 3, 3), (1, 8, 2, 2)) == 8 * 9 * 4  # depthwise: one input channel each


def test_precision_is_that_of_the_wider_operand():
    costs = {
        bits: LayerCost("a", "m", macs=640, weight_bits=bits[0], input_bits=bits[1], memory_bits=0)
        for bits in ((1, 1), (8, 8), (1, 32), (8, 1), (32, 32))
    }
    assert {bits: cost.bit_ops for bits, cost in costs.items()} == {
        (1, 1): 640,
        (8, 8): 640 * 64,
        (1, 32): 640 * 32,
        (8, 1): 640 * 8,
        (32, 32): 640 * 1024,
    }
    assert {bits: cost.ops for bits, cost in costs.items()} == {
        (1, 1): 10,
        (8, 8): 80,
        (1, 32): 640,
        (8, 1): 80,
        (32, 32): 640,
    }


def test_totals_are_sums_by_precision():
    layers = [
        LayerCost("a", "sign", 128, 1, 1, 7),
        LayerCost("b", "int8", 16, 8, 8, 5),
        LayerCost("c", "real", 3, 32, 32, 1),
    ]
    assert totals(layers) == Costs(
        bit_ops=128 + 16 * 64 + 3 * 1024, memory_bits=13, macs={1: 128, 2: 0, 4: 0, 8: 16, 32: 3}
    )
    assert totals(layers).as_dict() == {
        "bit_ops": 128 + 16 * 64 + 3 * 1024,
        "ops": 2 + 2 + 3,
        "memory_bits": 13,
        "macs_1bit": 128,
        "macs_8bit": 16,
        "macs_32bit": 3,
    }
    assert set(totals([]).as_dict().values()) == {0}


@pytest.mark.parametrize(("bits", "macs"), [(1, 64), (2, 32), (4, 16), (8, 8), (32, 1)])
def test_an_operation_is_as_many_macs_as_fit_a_word_of_64_bits_or_one_real_one(bits, macs):
    assert macs_per_operation(bits) == macs
    assert LayerCost("a", "m", macs, bits, bits, 0).ops == 1


def test_a_width_between_has_a_column_where_it_is_used():
    columns = totals([LayerCost("a", "int4", 32, 4, 4, 0)]).as_dict()
    assert columns["macs_4bit"] == 32
    assert list(columns) == ["bit_ops", "ops", "memory_bits", "macs_1bit", "macs_4bit", "macs_8bit", "macs_32bit"]


def test_a_real_convolution_and_a_linear_layer_by_hand():
    network = nn.Sequential(nn.Conv2d(2, 4, 3, stride=2, padding=1), nn.Flatten(), nn.Linear(4 * 3 * 3, 10))
    convolution, linear = layer_costs(network, torch.zeros(1, 2, 5, 5))
    assert convolution == LayerCost("0", "real", 4 * 2 * 9 * (3 * 3), 32, 32, (4 * 2 * 9 + 4) * REAL)
    assert linear == LayerCost("2", "real", 36 * 10, 32, 32, (36 * 10 + 10) * REAL)


def test_grouped_convolutions_and_layers_without_products():
    network = nn.Sequential(nn.Conv2d(6, 6, 3, groups=6, bias=False), nn.BatchNorm2d(6), nn.PReLU(6), nn.ReLU())
    assert layer_costs(network, torch.zeros(1, 6, 4, 4)) == [
        LayerCost("0", "real", 6 * 9 * (2 * 2), 32, 32, 6 * 9 * REAL),
        LayerCost("1", "BatchNorm2d", 0, 32, 32, 12 * REAL),
        LayerCost("2", "PReLU", 0, 32, 32, 6 * REAL),
    ]


@pytest.mark.parametrize(
    ("method", "bits", "memory"),
    [
        ("real", 32, 288 * REAL),
        ("int8", 8, 288 * 8 + 8 * REAL),
        ("sign", 1, 288 * 1 + 8 * REAL),
        ("bireal", 1, 288 * 1 + 8 * REAL),
        ("bireal+learned_scale", 1, 288 * 1 + 8 * REAL),  # learned or not, a scale is stored
        ("bireal+prelu", 1, 288 * 1 + (8 + 8) * REAL),
        ("sign+normalised", 1, 288 * 1 + 8 * REAL),  # other signs of the same weight
        ("bireal+periodic", 1, 288 * 1 + 8 * REAL),
        ("bireal+resilient", 1, 288 * 1 + 8 * REAL),
        ("react", 1, 288 * 1 + (8 + 4 + 3 * 8) * REAL),  # RSign's 4 thresholds, RPReLU's 3 numbers a channel
        ("sign+input_norm", 1, 288 * 1 + (8 + 4) * REAL),  # its norm has no factor: a threshold for each input channel
        ("react+input_norm", 1, 288 * 1 + (8 + 4 + 3 * 8) * REAL),
        ("dbs", 1, 288 * 1 + (8 + 8) * REAL),  # its logits are the binary weights, its PReLU has 8 slopes
        ("adabin", 1, 288 * 1 + (8 + 1 + 2 * 8) * REAL),  # one threshold, two slopes a channel; 8 centres below
        ("lcb", 1, 288 * 1 + (8 + 4 + 3 * 8) * REAL),  # its bias of weights goes into their signs
        ("lcb_dynamic", 1, 288 * 1 + (8 + 2 * 4 + 3 * 8) * REAL),
        ("sign+gate", 1, 288 * 1 + 8 * REAL),
        ("sign+bases2", 1, 2 * (288 * 1 + 8 * REAL)),
        ("react+bases2+learned_scale", 1, 2 * (288 * 1 + 8 * REAL) + (4 + 3 * 8) * REAL),
    ],
)
def test_a_unit_of_each_method_by_hand(method, bits, memory):
    """Weights 8 x 4 x 3 x 3 = 288 at 3 x 3 positions; BatchNorm 2 x 8; all but `real` have 8 scales."""
    unit = SearchableUnit(UnitShape(4, 8, 3, 2), (*METHODS, method))
    unit.activate(method)
    costs = {cost.name: cost for cost in layer_costs(nn.ModuleDict({"u": unit})["u"], torch.zeros(1, 4, 6, 6))}
    expected = {
        "": LayerCost("", method, 288 * 9, bits, bits, memory + 16 * REAL),
        "shortcut.1": LayerCost("shortcut.1", "real", 8 * 4 * 9, 32, 32, 8 * 4 * REAL),
        "shortcut.2": LayerCost("shortcut.2", "BatchNorm2d", 0, 32, 32, 16 * REAL),
    }
    if method == "lcb_dynamic":  # its two real layers see one vector an image: 4 channels, 4 hidden numbers
        for name in ("squeeze", "excite"):
            full = f"alternatives.lcb_dynamic.shift.{name}"
            expected[full] = LayerCost(full, "real", 4 * 4, 32, 32, 4 * 4 * REAL)
    if method == "sign+gate":  # likewise, to 8 factors. That they multiply the product is the scale, counted as one
        for name, outputs in (("squeeze", 4), ("excite", 8)):
            full = f"alternatives.sign+gate.gate.{name}"
            expected[full] = LayerCost(full, "real", 4 * outputs, 32, 32, 4 * outputs * REAL)
    if method == "adabin":  # a ninth filter, of ones, and its sum at 3 x 3 places times a real number a channel
        expected[""] = replace(expected[""], macs=(288 + 4 * 9) * 9)
        full = "alternatives.adabin.centre"
        expected[full] = LayerCost(full, "real", 8 * 9, 32, 32, 8 * REAL)
    if "bases2" in method:  # both products of the same signs
        expected[""] = replace(expected[""], macs=2 * 288 * 9)
        assert (costs[""].bit_ops, costs[""].ops) == (2 * 288 * 9, 2 * 288 * 9 / 64)
    assert costs == expected


def test_a_method_with_a_centre_has_a_filter_of_ones_for_each_group():
    unit = SearchableUnit(UnitShape(6, 6, 3, groups=6), ["adabin"], "none")
    centre, own = layer_costs(nn.ModuleDict({"u": unit})["u"], torch.zeros(1, 6, 5, 5))
    assert (own.macs, own.bit_ops, centre.bit_ops) == ((6 + 6) * 9 * 25, (6 + 6) * 9 * 25, 6 * 25 * 32 * 32)


class Classifier(nn.Module):
    """ResNet-18 as ImageNet has it, of our units."""

    def __init__(self, method):
        super().__init__()
        self.backbone = resnet18(1.0, lambda _: (method,))
        self.fc = nn.Linear(512, 1000)

    def forward(self, x):
        return self.fc(self.backbone(x)["layer4"].mean((2, 3)))


def test_bireal_resnet18_at_224_costs_what_is_published():
    costs = totals(layer_costs(Classifier("bireal"), torch.zeros(1, 3, 224, 224)))
    assert costs.ops == pytest.approx(1.63e8, rel=0.02)
    assert costs.memory_bits == pytest.approx(33.5e6, rel=0.02)
    # 3x3 convolutions by hand: four of 64, three and a half of every wider stage, all 64 * 64 * 9 * 56 * 56 MACs.
    assert costs.macs[1] == 64 * 64 * 9 * 56 * 56 * (4 + 3 * 3.5)
    stem, shortcuts = 64 * 3 * 49 * 112 * 112, 3 * (128 * 64 * 28 * 28)
    assert costs.macs[32] == stem + shortcuts + 512 * 1000
    assert costs.bit_ops == costs.macs[1] + 1024 * costs.macs[32]


def test_real_resnet18_at_224_costs_what_is_published():
    costs = totals(layer_costs(Classifier("real"), torch.zeros(1, 3, 224, 224)))
    assert costs.memory_bits == pytest.approx(374.1e6, rel=0.02)
    assert costs.ops == pytest.approx(1.81e9, rel=0.02)
    assert costs.macs[1] == costs.macs[8] == 0


@pytest.mark.parametrize("granularity", ["layer", "block", "stage"])
def test_an_activated_supernet_costs_what_the_extracted_network_does(supernet, spec, random_candidate, granularity):
    for seed in range(3):
        candidate = random_candidate(supernet, granularity, seed)
        activate(supernet, candidate)
        extracted = extract(supernet.state_dict(), spec, candidate)
        assert layer_costs(supernet, image()) == layer_costs(extracted, image())


@pytest.mark.parametrize("heads", ["light", "full"])
@pytest.mark.parametrize("seed", range(3))
def test_memory_counts_every_parameter_once(supernet, spec, random_candidate, heads, seed):
    candidate = random_candidate(supernet, "layer", seed)
    network = build_fixed(replace(spec, heads=heads), candidate)
    expected = sum(p.numel() for p in network.parameters()) * REAL
    for unit in searchable_units(network).values():
        if unit.active != "real":
            expected += len(unit.weight) * REAL - unit.weight.numel() * (REAL - 1)
    layers = layer_costs(network, image())
    assert sum(layer.memory_bits for layer in layers) == expected
    assert len({layer.name for layer in layers}) == len(layers)


def test_all_real_costs_more_than_all_binary_in_every_column_but_1_bit(spec):
    real, binary = (
        totals(layer_costs(build_fixed(spec, Candidate({"layer/backbone": method})), image()))
        for method in ("real", "sign")
    )
    assert real.bit_ops > 2 * binary.bit_ops
    assert real.ops > 2 * binary.ops
    assert real.memory_bits > 2 * binary.memory_bits
    assert real.macs[32] == binary.macs[1] + binary.macs[32]


def test_a_layer_of_every_level_runs_often_and_is_stored_once():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Conv2d(1, 1, 1)

        def forward(self, x):
            return self.head(x), self.head(x[..., :2, :2])

    layers = layer_costs(Twice(), torch.zeros(1, 1, 4, 4))
    assert [(layer.macs, layer.memory_bits) for layer in layers] == [(16, 64), (4, 0)]


def test_a_method_with_layers_of_its_own_is_counted_once(monkeypatch):
    class Gated(Alternative):
        def __init__(self, shape):
            super().__init__(shape)
            self.gate = nn.Linear(shape.out_channels, shape.out_channels)

        def forward(self, x, weight):
            y = self.bn(nn.functional.conv2d(x, weight, padding=1))
            return y * self.gate(y.mean((2, 3)))[..., None, None]

    monkeypatch.setitem(METHODS, "gated", Method(weight_bits=1, input_bits=1, build=Gated))
    layers = layer_costs(SearchableUnit(UnitShape(4, 4, 3), ["gated"]), torch.zeros(1, 4, 5, 5))
    assert sum(layer.memory_bits for layer in layers) == 144 * 1 + (4 + 8 + 4 * 4 + 4) * REAL
    assert totals(layers).macs[1] == 144 * 25
    assert totals(layers).macs[32] == 16


def test_a_layer_that_no_rule_counts_is_an_error():
    network = nn.Sequential(nn.Conv2d(3, 3, 1), nn.ConvTranspose2d(3, 2, 2, bias=False))
    with pytest.raises(CostError, match="No counting rule for 1, a ConvTranspose2d with 24 parameters"):
        layer_costs(network, torch.zeros(1, 3, 4, 4))


def test_a_layer_that_never_runs_is_an_error():
    class Idle(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.unused = nn.Conv2d(1, 1, 1), nn.Linear(2, 2)

        def forward(self, x):
            return self.used(x)

    with pytest.raises(CostError, match="unused holds 6 parameters but took no part in the forward pass"):
        layer_costs(Idle(), torch.zeros(1, 1, 4, 4))


@pytest.mark.parametrize("training", [True, False])
def test_counting_leaves_the_network_as_it_was(supernet, training):
    supernet.train(training)
    before = {name: tensor.clone() for name, tensor in supernet.state_dict().items()}
    layer_costs(supernet, image())
    with pytest.raises(ValueError, match="3d tensors"):
        layer_costs(supernet, [torch.zeros(3)])
    assert all(torch.equal(tensor, before[name]) for name, tensor in supernet.state_dict().items())
    assert all(module.training == training and not module._forward_hooks for module in supernet.modules())


def test_products_grow_with_the_area_of_the_maps(spec):
    small, large = (
        totals(layer_costs(build_fixed(replace(spec, image_size=size), Candidate({})), image(size)))
        for size in (96, 160)
    )
    assert large.memory_bits == small.memory_bits
    assert large.ops * 3**2 == small.ops * 5**2  # 24, 12, 6 and 3 cells a side, and 40, 20, 10 and 5
