"""Networks built for their shapes alone."""

import pytest
import torch
from torch import nn

from spaces.candidate import Candidate
from spaces.detectors import DETECTORS, DetectorSpec
from spaces.supernet import build_fixed
from spaces.without_values import without_values, without_work


def test_shapes_and_names_are_those_of_a_network_with_values():
    spec = DetectorSpec(detector="ssdlite_mobilenetv2", num_classes=3, image_size=96, width=0.25)
    whole = build_fixed(spec, Candidate({"layer/backbone": "lcb_dynamic"})).state_dict()
    with without_values():
        shapes = build_fixed(spec, Candidate({"layer/backbone": "lcb_dynamic"})).state_dict()
    assert {name: (tensor.shape, tensor.dtype) for name, tensor in shapes.items()} == {
        name: (tensor.shape, tensor.dtype) for name, tensor in whole.items()
    }
    assert all(tensor.is_meta for tensor in shapes.values())


def test_nothing_is_drawn_and_what_comes_after_has_values_again():
    before = torch.random.get_rng_state()
    with without_values():
        layer = nn.Conv2d(3, 4, 3)
        assert nn.init.normal_(layer.weight) is layer.weight
        assert nn.init.constant_(tensor=layer.bias, val=1.0) is layer.bias
    assert torch.equal(before, torch.random.get_rng_state())
    assert nn.init.constant_(torch.empty(2), 1.0).tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("detector", "method"), [("gfl_resnet18", "react"), ("ssd300_vgg11", "int8"), ("ssd_resnet18", "lcb_dynamic")]
)
def test_without_its_work_a_network_gives_the_same_shapes(detector, method):
    size = DETECTORS[detector].sizes[0]
    spec = DetectorSpec(detector=detector, num_classes=3, image_size=size, width=0.125)
    with without_values():
        network = build_fixed(spec, Candidate({"layer/backbone": method})).eval()
    image = torch.zeros(1, 3, size, size, device="meta")
    features = network.pyramid(image)
    with without_work():
        found = network.pyramid(image)
    assert {name: x.shape for name, x in found.items()} == {name: x.shape for name, x in features.items()}
    assert all(x.is_meta for x in found.values())


def test_values_are_not_left_as_they_are():
    with without_work():
        assert torch.tensor([-1.0, 2.0]).relu().tolist() == [0.0, 2.0]
        assert (torch.tensor([-1.0, 2.0]) + 1).tolist() == [0.0, 3.0]


def test_a_sum_has_the_shape_of_both():
    with without_work():
        column, row = torch.zeros(3, 1, device="meta"), torch.zeros(2, device="meta")
        assert (column + row).shape == (row + column).shape == (3, 2)
