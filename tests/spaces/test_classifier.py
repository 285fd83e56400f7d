"""A backbone as a classifier."""

import pytest
import torch
from every_detector import spec_of

from spaces.candidate import Candidate
from spaces.classifier import build_classifier
from spaces.supernet import build_fixed

BACKBONES = ("ssd_resnet18", "ssd_resnet50_plain", "ssd_vgg11", "ssd300_vgg16_plain", "ssdlite_mobilenetv1")
OTHERS = ("ssdlite_mobilenetv2", "ssdlite_efficientnet_lite0", "faster_rcnn_resnet34", "gfl_resnet18")


@pytest.mark.parametrize("detector", [*BACKBONES, *OTHERS])
@pytest.mark.parametrize("method", ["real", "react"])
def test_every_backbone_classifies_and_trains_whole(detector, method):
    torch.manual_seed(0)
    network = build_classifier(spec_of(detector), Candidate({"layer/backbone": method}), 5)
    scores = network(list(torch.rand(2, 3, 64, 64)))
    assert scores.shape == (2, 5)
    scores.square().sum().backward()
    assert [name for name, one in network.named_parameters() if one.grad is None] == []


def test_scores_are_the_heads_of_the_mean_of_the_last_map():
    spec = spec_of("ssd_resnet18")
    torch.manual_seed(0)
    network = build_classifier(spec, Candidate({"layer/backbone": "bireal"}), 3).eval()
    detector = build_fixed(spec, Candidate({"layer/backbone": "bireal"})).eval()
    detector.backbone.load_state_dict(network.backbone.state_dict())
    images = torch.rand(2, 3, 96, 96)
    batch, _ = detector.transform(list(images))
    last = detector.backbone(batch.tensors)["layer4"]
    expected = last.mean((2, 3)) @ network.head.weight.T + network.head.bias
    torch.testing.assert_close(network(images), expected)


def test_layers_outside_of_the_backbone_are_refused():
    with pytest.raises(ValueError, match=r"cls_heads: a classifier has the layers of ssd_resnet18's backbone only"):
        build_classifier(spec_of("ssd_resnet18"), Candidate({"layer/backbone": "sign", "layer/cls_heads": "int8"}), 3)
