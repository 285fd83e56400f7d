"""The path from a batch to raw outputs, apart from resizing, losses and detections."""

import pytest
import torch
from torch import nn

from spaces.detectors import DETECTORS, DetectorSpec, build_detector


def build(detector):
    torch.manual_seed(0)
    size = max(96, DETECTORS[detector].sizes[0])
    spec = DetectorSpec(detector=detector, num_classes=3, image_size=size, width=0.125)
    return build_detector(spec, lambda _: ("real",)).eval(), size


class Raw(nn.Module):
    """Classes, boxes and anchors as tensors alone, which is what an exporter takes."""

    def __init__(self, detector):
        super().__init__()
        self.detector = detector

    def forward(self, batch):
        responses = self.detector.responses(batch)
        return responses.cls, responses.box, responses.anchors


DETECTORS_OF_EACH_KIND = [
    "ssd_resnet18",
    "ssd300_vgg11",
    "gfl_resnet18",
    "gflv1_resnet18_plain",
    "faster_rcnn_resnet18",
]


@pytest.mark.parametrize("detector", DETECTORS_OF_EACH_KIND)
def test_a_batch_gives_the_responses_of_the_whole_forward_pass(detector):
    network, size = build(detector)
    images = list(torch.rand(2, 3, size, size))
    with torch.no_grad():
        expected = network(images).responses
        responses = network.responses(network.transform(images)[0].tensors)
    for name in ("cls", "box", "quality"):
        pairs = zip(getattr(responses, name) or [], getattr(expected, name) or [], strict=True)
        assert all(torch.equal(ours, theirs) for ours, theirs in pairs)
    assert torch.equal(responses.anchors, expected.anchors)
    reading = ("activation", "background", "bins", "box_scales")
    assert [getattr(responses, name) for name in reading] == [getattr(expected, name) for name in reading]


@pytest.mark.parametrize("detector", ["ssd_resnet18", "gfl_resnet18"])
def test_raw_outputs_can_be_exported(detector):
    network, size = build(detector)
    batch = torch.rand(1, 3, size, size)
    with torch.no_grad():
        program = torch.export.export(Raw(network), (batch,), strict=False)
        expected = network.responses(batch)
        cls, box, anchors = program.module()(batch)
    for exported, own in zip([*cls, *box, anchors], [*expected.cls, *expected.box, expected.anchors], strict=True):
        torch.testing.assert_close(exported, own)
