"""First layers, shortcuts and heads, opened: what they are, what they compute, and what stays as it was."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from spaces.candidate import Candidate
from spaces.cost import layer_costs
from spaces.detectors import DETECTORS, DetectorSpec, build_detector, openable, searchable_units, traced
from spaces.detectors.openable import PARTS
from spaces.layers import OpenedConv, OpenedLayer
from spaces.layers.opened import ActivatedConv2d
from spaces.supernet import activate, build_fixed, build_supernet, extract, inherit_shared, prefixes
from spaces.without_values import without_values

METHODS = ("real", "int8", "sign", "react", "dbs")
STEM, SHORTCUT, HEAD = "backbone.conv1", "backbone.layer3.0.conv1.shortcut.1", "cls_heads.1.2"
CHOICES = {"backbone": METHODS, STEM: METHODS, SHORTCUT: METHODS, HEAD: METHODS}


@pytest.fixture
def opened(spec):
    torch.manual_seed(0)
    return build_supernet(spec, CHOICES).eval()


def test_what_may_be_opened_is_known_by_group(spec):
    network = build_detector(spec, lambda _: ("real",))
    assert openable(network) == {
        "stem": [STEM],
        "shortcuts": [f"backbone.layer{stage}.0.conv1.shortcut.1" for stage in (2, 3, 4)],
        "heads.cls": [f"cls_heads.{level}.{layer}" for level in range(4) for layer in (0, 2)],
        "heads.box": [f"box_heads.{level}.{layer}" for level in range(4) for layer in (0, 2)],
    }


@pytest.mark.parametrize(
    ("detector", "size", "groups"),
    [
        ("ssd_resnet50", 96, {"stem": 1, "shortcuts": 4}),
        ("ssd_vgg11", 176, {"stem": 1, "others": 2}),  # two extra levels' convolutions, above 160 pixels
        ("ssdlite_mobilenetv1", 96, {"stem": 1} | {f"depthwise.stage{s}": n for s, n in enumerate((1, 2, 2, 6, 2), 1)}),
        (
            "ssdlite_efficientnet_lite0",
            96,
            {"stem": 1} | {f"depthwise.stage{s}": n for s, n in enumerate((1, 2, 2, 3, 3, 4, 1), 1)},
        ),
        ("ssd300_vgg16", 300, {"stem": 1, "others": 1, "heads.cls": 12, "heads.box": 12}),
        ("gfl_resnet18", 96, {"stem": 1, "shortcuts": 3, "quality": 2, "heads.cls": 1, "heads.box": 1}),
        (
            "faster_rcnn_resnet18",
            96,
            {"stem": 1, "shortcuts": 3, "heads.rpn": 2, "heads.fc": 2, "heads.cls": 1, "heads.box": 1},
        ),
    ],
)
def test_every_detector_has_its_groups_in_the_same_order(spec, detector, size, groups):
    with without_values():
        opened = openable(build_detector(replace(spec, detector=detector, image_size=size), lambda _: ("real",)))
    expected = groups if "heads.cls" in groups else groups | {"heads.cls": 8, "heads.box": 8}
    assert {group: len(names) for group, names in opened.items()} == expected
    assert list(opened) == list(expected)


@pytest.mark.parametrize("detector", sorted(DETECTORS))
def test_every_product_is_a_units_or_can_be_opened(detector):
    size = max(DETECTORS[detector].sizes[0], 176)
    with without_values():
        spec = DetectorSpec(detector=detector, num_classes=3, image_size=size, width=0.125)
        network = build_detector(spec, lambda _: ("real",))
    groups, units = openable(network), searchable_units(network)
    opened = [name for names in groups.values() for name in names]
    products = {name for name, module in network.named_modules() if isinstance(module, nn.Conv2d | nn.Linear)}
    assert len(set(opened)) == len(opened)
    assert products == set(opened)  # units hold their weight themselves
    assert {group.partition(".")[0] for group in groups} <= PARTS.keys()
    modules = {prefix for unit in units for prefix in prefixes(unit)}
    assert not modules & {prefix for group in groups for prefix in prefixes(group)}


def test_a_1bit_head_by_hand():
    conv = ActivatedConv2d(2, 1, 1)
    with torch.no_grad():
        conv.weight.copy_(torch.tensor([0.5, -1.5]).view(1, 2, 1, 1))
        conv.bias.fill_(10.0)
    x = torch.tensor([2.0, -3.0]).view(1, 2, 1, 1)
    assert conv(x).item() == 11.0  # 0.5 relu(2) - 1.5 relu(-3) + 10
    unit = OpenedConv(conv, ["real", "sign"])
    assert unit(x).item() == 11.0
    unit.activate("sign")
    assert unit(x).item() == 12.0  # mean magnitude 1, signs (1, -1) of both: 1 + 1, and the bias


def test_an_opened_network_that_is_real_computes_what_the_closed_one_does(spec, opened, images):
    closed = build_fixed(spec, Candidate({})).eval()
    inherit_shared(opened, closed.state_dict())
    activate(opened, Candidate({}))
    with torch.no_grad():
        one, other = opened(images), closed(images)
    assert all(torch.equal(a, b) for a, b in zip(one.responses.cls, other.responses.cls, strict=True))
    same = extract(opened.state_dict(), spec, Candidate({})).state_dict()
    assert list(same) == list(closed.state_dict())


@pytest.mark.parametrize("named", ["heads.cls", "heads"])
def test_a_group_or_a_part_is_switched_as_one_and_a_single_layer_before_it(spec, images, named):
    supernet = build_supernet(spec, {"backbone": METHODS, named: METHODS, HEAD: METHODS}).eval()
    candidate = Candidate({f"layer/{named}": "int8", f"layer/{HEAD}": "sign"})
    activate(supernet, candidate)
    units = searchable_units(supernet)
    chosen = {name: unit.active for name, unit in units.items() if isinstance(unit, OpenedConv)}
    kinds = ("cls", "box") if named == "heads" else ("cls",)
    heads = {f"{kind}_heads.{level}.{layer}": "int8" for kind in kinds for level in range(4) for layer in (0, 2)}
    assert chosen == heads | {HEAD: "sign"}
    network = extract(supernet.state_dict(), spec, candidate)
    with torch.no_grad():
        one, other = network(images).responses, supernet(images).responses
    assert all(torch.equal(a, b) for a, b in zip(one.cls + one.box, other.cls + other.box, strict=True))


def test_a_prefix_opens_nothing(spec, opened):
    candidate = Candidate({"layer/backbone": "sign"})
    network = build_fixed(spec, candidate)
    assert not any(isinstance(module, OpenedConv) for module in network.modules())
    activate(opened, candidate)
    units = searchable_units(opened)
    assert [units[name].active for name in (STEM, SHORTCUT, HEAD)] == ["real"] * 3


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", [STEM, SHORTCUT, HEAD])
def test_an_extracted_network_computes_what_the_activated_supernet_does(spec, opened, images, name, method):
    candidate = Candidate({"layer/backbone": "real", f"layer/{name}": method})
    activate(opened, candidate)
    network = extract(opened.state_dict(), spec, candidate)
    assert isinstance(network.get_submodule(name), OpenedConv)
    with torch.no_grad():
        one, other = network(images).responses, opened(images).responses
    assert all(torch.equal(a, b) for a, b in zip(one.cls + one.box, other.cls + other.box, strict=True))
    activate(opened, Candidate({}))
    with torch.no_grad():
        real = opened(images).responses
    same = all(torch.equal(a, b) for a, b in zip(real.cls + real.box, other.cls + other.box, strict=True))
    assert same == (method == "real")


@pytest.mark.parametrize("method", METHODS)
def test_every_parameter_gets_a_gradient(spec, images, targets, method):
    torch.manual_seed(0)
    layers = {f"layer/{group}": method for group in openable(build_detector(spec, lambda _: ("real",)))}
    network = build_fixed(spec, Candidate(layers)).train()
    sum(network(images, targets).losses.values()).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.count_nonzero() > 0, name


def test_an_opened_head_is_counted_with_its_bias(spec, opened):
    activate(opened, Candidate({f"layer/{HEAD}": "sign"}))
    rows = {row.name: row for row in layer_costs(opened, [torch.zeros(3, 96, 96)])}
    row = rows[HEAD]
    outputs, cells = 6 * 4, 12 * 12  # six boxes a cell, three classes and background; p3 of 96 pixels
    assert (row.method, row.weight_bits, row.input_bits) == ("sign", 1, 1)
    assert row.macs == 16 * outputs * cells
    assert row.memory_bits == 16 * outputs + 32 * (outputs + outputs)  # signs; a scale and a bias a channel


def test_an_opened_layer_leaves_a_trace_as_units_do(opened, images):
    activate(opened, Candidate({f"layer/{HEAD}": "dbs"}))
    with traced(opened):
        layers = opened(images).layers
    assert list(layers) == [HEAD]
    assert layers[HEAD].x.min() < 0 < layers[HEAD].x.max()  # the ReLU in front belongs to the real alternative


@pytest.mark.parametrize("detector", sorted(DETECTORS))
def test_every_detector_runs_with_all_that_can_be_opened(detector, images, targets):
    smallest, _ = DETECTORS[detector].sizes
    spec = DetectorSpec(detector=detector, num_classes=3, image_size=smallest, width=0.125)
    with without_values():
        groups = openable(build_detector(spec, lambda _: ("real",)))
    network = build_supernet(spec, dict.fromkeys(groups, ("int8", "sign", "dbs"))).train()
    opened = [unit for unit in searchable_units(network).values() if isinstance(unit, OpenedLayer)]
    for method in ("int8", "sign", "dbs"):
        activate(network, Candidate({f"layer/{group}": method for group in groups}))
        losses = network(images, targets).losses
        assert all(bool(loss.isfinite()) for loss in losses.values())
        assert {unit.active for unit in opened} == {method}
