"""Networks whose weights were packed and unpacked: the same outputs to the bit."""

import math

import pytest
import torch
from torch import Tensor, nn

from spaces.candidate import Candidate
from spaces.cost import layer_costs, totals
from spaces.deployed.describe import describe
from spaces.deployed.packed import packed_state, unpacked_network
from spaces.detectors import DETECTORS, DetectorSpec, openable, searchable_units
from spaces.layers import METHODS
from spaces.layers.learned_steps import LearnedSteps
from spaces.layers.real import Quantized
from spaces.supernet import build_fixed
from spaces.without_values import without_values

OPTIONS = [
    "bireal+learned_scale+pad_minus_one+prelu",
    "react+learned_scale",
    "dbs+hard",
    "dbs+input_norm",
    "lcb+learned_scale",
    "react+gate+input_norm",
    "sign+normalised",
    "react+rectified",
    "react+periodic",
    "react+bases2",
    "bireal+bases2+learned_scale+normalised",
]


QUICK = {"ssd_resnet18", "ssd300_vgg11", "ssdlite_mobilenetv1", "ssdlite_efficientnet_lite0", "gfl_resnet18_plain"} | {
    "faster_rcnn_resnet18"
}


def detector(spec, candidate):
    """A random one, with parameters, statistics and ranges as a training leaves them."""
    torch.manual_seed(0)
    network = build_fixed(spec, candidate)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 1.5)
        elif isinstance(module, Quantized):
            module.largest.fill_(4)
        elif isinstance(module, LearnedSteps):
            module.input_start.fill_(0.4)
    return network.eval()


def everything(network, images) -> list[Tensor]:
    with torch.no_grad():
        output = network(images)
        maps = [*output.features.values(), *output.responses.cls, *output.responses.box]
        return [*maps, *(tensor for image in output.detections for tensor in image.values())]


def opened(spec, methods) -> Candidate:
    """All that there is in these methods, group by group in turn."""
    with without_values():
        network = build_fixed(spec, Candidate({}))
    names = [*dict.fromkeys(name.partition(".")[0] for name in searchable_units(network)), *openable(network)]
    return Candidate({f"layer/{name}": methods[index % len(methods)] for index, name in enumerate(names)})


@pytest.mark.parametrize("method", [*METHODS, *OPTIONS])
def test_every_method_computes_the_same_to_the_bit(method, spec, images):
    candidate = Candidate({"layer/backbone": method})
    network = detector(spec, candidate)
    again = unpacked_network(packed_state(network), spec, candidate)
    for ours, theirs in zip(everything(network, images), everything(again, images), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in DETECTORS]
)
def test_every_detector_with_all_that_can_be_opened_computes_the_same_to_the_bit(name):
    size = max(96, DETECTORS[name].sizes[0])
    images = list(torch.rand(1, 3, size, size))
    spec = DetectorSpec(detector=name, num_classes=2, image_size=size, width=0.125)
    candidate = opened(spec, ["lcb", "int4", "sign", "int8", "dbs"])
    network = detector(spec, candidate)
    again = unpacked_network(packed_state(network), spec, candidate)
    for ours, theirs in zip(everything(network, images), everything(again, images), strict=True):
        assert torch.equal(ours, theirs)


def test_what_it_is_packed_to_once_more_and_described_as_is_the_same(spec):
    candidate = opened(spec, ["lcb_dynamic", "int4", "dbs", "int8"])
    network = detector(spec, candidate)
    state = packed_state(network)
    again = unpacked_network(state, spec, candidate)
    once_more = packed_state(again)
    assert list(once_more) == list(state)
    assert all(torch.equal(tensor, state[key]) for key, tensor in once_more.items())
    for one, other in zip(describe(network).values(), describe(again).values(), strict=True):
        assert torch.equal(torch.from_numpy(one.weight), torch.from_numpy(other.weight))
        assert torch.equal(torch.from_numpy(one.scale), torch.from_numpy(other.scale))
    blank = [torch.zeros(3, 96, 96)]
    assert totals(layer_costs(again, blank)) == totals(layer_costs(network, blank))


def test_a_batch_norm_is_a_factor_and_an_offset(spec):
    network = detector(spec, Candidate({"layer/backbone": "sign"}))
    norm = network.backbone.bn1
    norm.weight.data.fill_(3)
    norm.bias.data.fill_(1)
    norm.running_mean.fill_(2)
    norm.running_var.fill_(4 - norm.eps)  # 3 (x - 2) / 2 + 1
    state = packed_state(network)
    assert state["backbone.bn1.weight"].tolist() == pytest.approx([1.5] * 8)
    assert state["backbone.bn1.bias"].tolist() == pytest.approx([-2] * 8)
    assert [key for key in state if "running" in key] == []


def test_statistics_of_batch_norms_in_files_of_before_are_read(spec, images):
    candidate = Candidate({"layer/backbone": "react"})
    network = detector(spec, candidate)
    kept, norms = network.state_dict(), [n for n, one in network.named_modules() if isinstance(one, nn.BatchNorm2d)]
    parts = ("weight", "bias", "running_mean", "running_var")
    before = packed_state(network) | {f"{norm}.{part}": kept[f"{norm}.{part}"] for norm in norms for part in parts}
    again = unpacked_network(before, spec, candidate)
    for ours, theirs in zip(everything(network, images), everything(again, images), strict=True):
        assert torch.equal(ours, theirs)


def test_a_packed_detector_is_not_trained(spec):
    candidate = Candidate({"layer/backbone": "real", "layer/backbone.layer4": "bireal"})
    again = unpacked_network(packed_state(detector(spec, candidate)), spec, candidate)
    with pytest.raises(ValueError, match="A packed detector can't be trained: its file keeps the bits"):
        again.train()


def test_a_real_detector_loses_nothing_and_can_be_trained(spec):
    network = detector(spec, Candidate({}))
    again = unpacked_network(packed_state(network), spec, Candidate({})).train()
    assert all(torch.equal(one, other) for one, other in zip(network.parameters(), again.parameters(), strict=True))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("backbone.layer1.0.conv1.packed"), "lacks 1 tensors of the network, backbone.layer1.0.conv1"),
        (lambda s: s.update(more=torch.ones(1)), "has 1 tensors that the network doesn't, more among them"),
        (
            lambda s: s.update({"backbone.layer1.0.conv1.packed": torch.zeros(71, dtype=torch.uint8)}),
            r"conv1.packed is \(\(71,\), 'uint8'\) in the file and \(\(72,\), 'uint8'\) in the network",
        ),
        (
            lambda s: s.update({"backbone.layer1.0.conv1.scale": torch.zeros(8, dtype=torch.float64)}),
            r"conv1.scale is \(\(8,\), 'float64'\) in the file",
        ),
    ],
)
def test_a_tensor_that_does_not_fit_is_named(change, message, spec):
    candidate = Candidate({"layer/backbone": "sign"})
    state = packed_state(detector(spec, candidate))
    change(state)
    with pytest.raises(ValueError, match=message):
        unpacked_network(state, spec, candidate)


def test_the_tensors_of_a_binary_unit(spec):
    state = packed_state(detector(spec, Candidate({"layer/backbone": "lcb"})))
    unit = "backbone.layer1.0.conv1"
    tensors = {key.removeprefix(f"{unit}."): tuple(t.shape) for key, t in state.items() if key.startswith(f"{unit}.")}
    norm = {f"alternatives.lcb.bn.{key}": (8,) for key in ("weight", "bias")}
    biases = ("shift.bias", "post.before.bias", "post.prelu.weight", "post.after.bias")
    assert tensors == norm | {f"alternatives.lcb.{key}": (8,) for key in biases} | {
        "packed": (math.prod((8, 8, 3, 3)) // 8,),
        "scale": (8,),
    }
