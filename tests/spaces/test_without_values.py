"""Networks built for their shapes alone."""

import torch
from torch import nn

from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec
from spaces.supernet import build_fixed
from spaces.without_values import without_values


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
