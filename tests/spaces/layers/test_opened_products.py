"""Depthwise convolutions and linear layers, opened: what they compute, what they cost, what trains them."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from spaces.candidate import Candidate
from spaces.cost import layer_costs
from spaces.detectors import DetectorSpec, searchable_units
from spaces.layers import METHODS, OpenedConv, OpenedLinear
from spaces.layers.opened import ActivatedConv2d, ActivatedLinear
from spaces.supernet import activate, build_fixed, build_supernet, extract, inherit_shared


def depthwise(activation="relu"):
    conv = ActivatedConv2d(2, 2, 3, padding=1, groups=2, bias=False, activation=activation)
    with torch.no_grad():
        conv.weight[0].fill_(2.0)
        conv.weight[1].copy_(torch.tensor([[[-1.0, 0, 0], [0, 0.5, 0], [0, 0, 3.0]]]))
    return conv


def test_an_8_bit_depthwise_convolution_has_a_scale_for_each_channel():
    unit = OpenedConv(depthwise(), ["int8"])
    x = torch.tensor([[4.0, -4.0], [2.0, 255.0]]).repeat(1, 2, 1, 1)  # the largest gives a step of 1
    y = unit(x)
    assert unit.shape.weight == (2, 1, 3, 3)
    # First channel: the sum of the ReLU's values, 261, times 2 (127 steps of 2 / 127).
    torch.testing.assert_close(y[0, 0], torch.full((2, 2), 2 * 261.0))
    # Second one: 0.5 is 21.17 steps of 3 / 127, which become 21.
    middle = 21 * 3 / 127
    torch.testing.assert_close(y[0, 1, 0, 0], torch.tensor(4 * middle + 255 * 3))
    torch.testing.assert_close(y[0, 1, 1, 1], torch.tensor(255 * middle - 4 * 42 * 3 / 127))  # -1 is -42.3 steps
    assert unit.alternatives["int8"].largest == 255.0


def test_its_gradient_is_that_of_the_rounded_product():
    unit = OpenedConv(depthwise("none"), ["int8"])
    unit(torch.full((1, 2, 1, 1), 127.0))  # a range with steps of 1, for the evaluation that follows
    x = torch.tensor([[[[3.2]], [[-4.0]]], [[[1.0]], [[200.0]]]], requires_grad=True)  # the middle of a kernel counts
    unit.eval()(x).sum().backward()
    assert unit.weight.grad[:, 0, 1, 1].tolist() == [3 + 1, -4 + 127]
    assert unit.weight.grad.count_nonzero() == 2
    torch.testing.assert_close(x.grad.flatten(), torch.tensor([2.0, 21 * 3 / 127, 2.0, 0.0]))  # none where it is cut


def test_a_1_bit_depthwise_convolution_by_hand():
    unit = OpenedConv(depthwise(), ["sign"])
    y = unit(torch.tensor([[[[-3.0]], [[-0.5]]]]))  # signs -1; the middle weights' are +1
    torch.testing.assert_close(y.flatten(), torch.tensor([-2.0, -4.5 / 9]))  # times the mean magnitudes


def linear():
    layer = ActivatedLinear(2, 3)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.27, 0.1], [-2.54, 0.019], [0.0, 0.5]]))
        layer.bias.copy_(torch.tensor([0.0, 1.0, 2.0]))
    return layer


def test_an_8_bit_linear_layer_by_hand():
    unit = OpenedLinear(linear(), ["real", "int8"])
    x = torch.tensor([[2.55, -7.0], [1.0, 0.5]])
    assert torch.equal(unit(x), linear()(x))
    unit.activate("int8")
    # Inputs have steps of 0.01; weights of 0.01, 0.02 and 0.5 / 127, so that 0.019 becomes 0.02.
    expected = [[2.55 * 1.27, 1 - 2.55 * 2.54, 2.0], [1.27 + 0.05, 1 - 2.54 + 0.01, 2.25]]
    torch.testing.assert_close(unit(x), torch.tensor(expected))
    assert unit.weight.shape == (3, 2)
    assert unit(x[:0]).shape == (0, 3)  # no proposal


@pytest.mark.parametrize(
    ("method", "shared"), [("int8", "spaces.layers.real.largest"), ("int4", "spaces.layers.learned_steps.mean")]
)
def test_without_proposals_a_linear_layer_still_measures_with_the_other_processes(monkeypatch, method, shared):
    """These would wait for it for ever. Here the others' figure is 3, or 0 where they have no proposals either."""
    unit, asked, others = OpenedLinear(linear(), [method]).train(), [], iter((0.0, 3.0))
    monkeypatch.setattr(shared, lambda own: asked.append(own.item()) or torch.tensor(next(others)))
    quantized = unit.alternatives[method]
    unit(torch.zeros(0, 2))
    assert quantized.input_step == 0
    unit(torch.zeros(0, 2))
    assert asked == [0.0, 0.0]
    assert quantized.input_step.item() == pytest.approx(3 / 255 if method == "int8" else 2 * 3 / 15**0.5)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_a_linear_layer_and_a_1x1_convolution_agree_in_every_method(method):
    torch.manual_seed(0)
    layer, conv = ActivatedLinear(6, 4), ActivatedConv2d(6, 4, 1)
    with torch.no_grad():
        conv.weight.copy_(layer.weight[..., None, None])
        conv.bias.copy_(layer.bias)
    x = torch.randn(5, 6)
    one, other = OpenedLinear(layer, [method]).train(), OpenedConv(conv, [method]).train()
    y = one(x)
    torch.testing.assert_close(y, other(x[..., None, None]).flatten(1))
    y.square().sum().backward()
    assert all(parameter.grad is not None for parameter in one.parameters())


MOBILE = DetectorSpec(detector="ssdlite_mobilenetv2", num_classes=3, image_size=96, width=0.125)
TWO_STAGE = DetectorSpec(detector="faster_rcnn_resnet18", num_classes=3, image_size=96, width=0.125)
OPENED = {MOBILE: ("depthwise.stage2", "heads.box", "stem"), TWO_STAGE: ("heads.fc", "heads.cls", "heads.rpn")}
FEW = ("real", "int8", "int4", "sign", "dbs")


@pytest.mark.parametrize("spec", OPENED, ids=lambda spec: spec.detector)
@pytest.mark.parametrize("method", FEW)
def test_an_extracted_network_computes_what_the_activated_supernet_does(spec, method, images, lively):
    torch.manual_seed(0)
    supernet = lively(build_supernet(spec, {"backbone": ("real", "sign")} | dict.fromkeys(OPENED[spec], FEW)))
    candidate = Candidate({"layer/backbone": "sign"} | {f"layer/{group}": method for group in OPENED[spec]})
    activate(supernet, candidate)
    network = extract(supernet.state_dict(), spec, candidate)
    for one, other in zip(network(images).detections, supernet(images).detections, strict=True):
        assert all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("spec", OPENED, ids=lambda spec: spec.detector)
def test_8_bit_layers_start_from_the_twins_weights(spec, images):
    torch.manual_seed(0)
    twin = build_fixed(spec, Candidate({}))
    network = build_fixed(spec, Candidate({f"layer/{group}": "int8" for group in OPENED[spec]}))
    left = inherit_shared(network, twin.state_dict())
    assert all(name.endswith(".largest") for name in left)
    opened = [name for name, unit in searchable_units(network).items() if "int8" in unit.alternatives]
    assert opened
    layer = opened[-1]
    weight = twin.get_submodule(layer).weight.detach()
    scale = weight.flatten(1).abs().amax(1).view(-1, *[1] * (weight.ndim - 1)) / 127
    quantized, unit = (weight / scale).round() * scale, network.get_submodule(layer).eval()
    x = torch.tensor([[0.0, 255.0]]).repeat(3, weight.shape[1] // 2)  # whole steps: inputs are exact
    x = x if weight.ndim == 2 else x[..., None, None]
    product = F.linear(x, quantized) if weight.ndim == 2 else F.conv2d(x, quantized)
    torch.testing.assert_close(unit(x), product + unit.bias.view(-1, *[1] * (weight.ndim - 2)))


def test_the_ranges_of_a_supernets_8_bit_layers_are_those_of_the_steps_that_drew_them(images, targets):
    torch.manual_seed(0)
    supernet = build_supernet(TWO_STAGE, {"heads.fc": ("real", "int8")}).train()
    fc6 = supernet.roi_heads.box_head.fc6
    seen = []
    fc6.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].abs().max()))
    for method in ("real", "int8", "real", "int8"):
        activate(supernet, Candidate({"layer/heads.fc": method}))
        sum(supernet(images, targets).losses.values()).backward()
    torch.testing.assert_close(fc6.alternatives["int8"].largest, seen[1].lerp(seen[3], 0.1))
    assert fc6.weight.grad.count_nonzero() == fc6.weight.numel()


def test_depthwise_layers_and_linear_ones_are_counted_at_their_width():
    """MobileNetV2 at an eighth: 8 channels of 48 x 48 from the stem on; the second stage's expansion has 48."""
    network = build_fixed(MOBILE, Candidate({"layer/depthwise": "int8", "layer/stem": "int4", "layer/heads": "int8"}))
    rows = {row.name: row for row in layer_costs(network, [torch.zeros(3, 96, 96)])}
    stem, first = rows["backbone.stem.conv"], rows["backbone.stage1.0.depthwise.conv"]
    assert (stem.macs, stem.bit_ops) == (8 * 3 * 9 * 48 * 48, 8 * 3 * 9 * 48 * 48 * 16)
    assert stem.memory_bits == 8 * 3 * 9 * 4 + 8 * 32  # weights, and a step a channel
    assert (first.macs, first.bit_ops, first.ops) == (8 * 9 * 48**2, 8 * 9 * 48**2 * 64, 8 * 9 * 48**2 / 8)
    assert first.memory_bits == 8 * 9 * 8 + 8 * 32
    head = rows["box_heads.0.0"]  # p2 of 24 x 24 is an expanded map of 48 channels
    assert (head.macs, head.precision) == (48 * 9 * 24 * 24, 8)
    two = build_fixed(TWO_STAGE, Candidate({"layer/heads.fc": "int8", "layer/heads.cls": "int4"}))
    rows = {row.name: row for row in layer_costs(two, [torch.zeros(3, 96, 96)])}
    fc6, scores = rows["roi_heads.box_head.fc6"], rows["roi_heads.box_predictor.cls_score"]
    assert (fc6.macs, fc6.bit_ops) == (32 * 49 * 128 * 300, 32 * 49 * 128 * 300 * 64)
    assert fc6.memory_bits == 32 * 49 * 128 * 8 + 128 * (32 + 32)  # a scale and a bias a value
    assert (scores.macs, scores.ops) == (128 * 4 * 300, 128 * 4 * 300 / 16)


def test_a_1_bit_linear_layer_leaves_no_trace(images):
    network = build_fixed(TWO_STAGE, Candidate({"layer/heads.fc": "sign"}))
    assert not any(unit.may_leave_trace for unit in searchable_units(network).values())
    assert isinstance(network.roi_heads.box_head.fc6, OpenedLinear)
    assert not isinstance(network.roi_heads.box_head.fc6, nn.Linear)
    assert math.prod(network.roi_heads.box_head.fc6.shape.weight) == 32 * 49 * 128
