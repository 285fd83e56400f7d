"""Running a detector over a data set: what it keeps is what the data's rule counts."""

import numpy as np
import pytest
import torch
from torch import nn

from spaces.detectors import DetectorSpec, build_detector, keeping
from spaces.detectors.edge_distributions import BINS
from spaces.detectors.faster_rcnn import FasterRCNN
from spaces.detectors.gfl import GFL
from trainers.data.decoded import Decoded
from trainers.inference import detect, score_metrics

SURE = 50.0
SIDE = 12
"""The side of GFL's finest grid at 96 pixels: 144 cells of 8 pixels."""


class Says(nn.Module):
    """The same maps (C, H, W) whatever comes in, by the side of its level; `silence` on all other levels."""

    def __init__(self, maps, silence):
        super().__init__()
        self.maps, self.silence = maps, silence

    def forward(self, x):
        side = x.shape[-1]
        maps = self.maps if side == SIDE else torch.full((len(self.maps), side, side), self.silence)
        return maps.expand(len(x), -1, -1, -1)


@pytest.fixture
def crowd():
    """One image with a square of 8 pixels in each of the 144 cells, by the rule that is asked for."""
    corners = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE)), axis=-1).reshape(-1, 2) * 8
    arrays = {
        "images": np.zeros((1, 3, 96, 96), dtype=np.uint8),
        "boxes": np.concatenate([corners, corners + 8], axis=1).astype(np.float32),
        "labels": np.ones(SIDE**2, dtype=np.int64),
        "difficult": np.zeros(SIDE**2, dtype=np.bool_),
        "offsets": np.array([0, SIDE**2]),
    }
    return lambda rule: Decoded.from_arrays(arrays, ["crowd"], ("person", "car"), rule)


@pytest.fixture
def finder():
    """A detector that predicts a person in every cell with high confidence."""
    spec = DetectorSpec(detector="gflv1_resnet18_plain", num_classes=2, image_size=96, width=0.125)
    network = build_detector(spec, lambda _: ("real",))
    persons = torch.tensor([SURE, -SURE]).view(2, 1, 1).expand(2, SIDE, SIDE)
    edges = torch.zeros(4, BINS, SIDE, SIDE)
    edges[:, :2] = SURE  # half a stride of 8 pixels
    network.cls_heads, network.box_heads = Says(persons, -SURE), Says(edges.flatten(0, 1), 0.0)
    return network


def test_by_visdrones_rule_a_crowd_of_144_is_found_whole(finder, crowd):
    figures = score_metrics(finder, crowd("visdrone"))
    assert (figures["ar500"], figures["ap50"]) == (1.0, 1.0)
    assert finder.detections_per_image == 100


@pytest.mark.parametrize("rule", ["voc", "coco"])
def test_by_other_rules_the_published_hundred_are_kept(rule, finder, crowd):
    (found,) = detect(finder, crowd(rule))
    assert len(found["scores"]) == 100


def test_what_a_detector_keeps_is_restored_after_an_error(finder):
    with pytest.raises(RuntimeError), keeping(finder, 500):  # noqa: PT012
        assert finder.detections_per_image == 500
        raise RuntimeError
    assert finder.detections_per_image == 100


PUBLISHED = {"ssd_resnet18": 100, "ssd300_vgg11": 200, "gfl_resnet18": 100, "faster_rcnn_resnet18": 100}


@pytest.mark.parametrize("detector", PUBLISHED)
def test_every_family_can_keep_500(detector, lively):
    """One class, so that no box counts twice: candidates and proposals must be as many, too."""
    torch.manual_seed(0)
    size = 300 if detector == "ssd300_vgg11" else 320
    spec = DetectorSpec(detector=detector, num_classes=1, image_size=size, width=0.125)
    network = lively(build_detector(spec, lambda _: ("real",)))
    find_small(network)
    assert network.detections_per_image == PUBLISHED[detector]
    image = [torch.rand(3, size, size)]
    with torch.no_grad():
        published = network(image).detections[0]
        with keeping(network, 500):
            detections = network(image).detections[0]
    assert len(published["scores"]) == PUBLISHED[detector]
    assert len(detections["scores"]) == 500


@torch.no_grad()
def find_small(network):
    """Let boxes be so small that few lie on one another, and all of them objects, half and half."""
    if isinstance(network, GFL):
        network.cls_heads.weight.zero_()
        network.cls_heads.bias.zero_()
        network.box_heads.bias.view(4, BINS)[:, :2] = SURE
    elif isinstance(network, FasterRCNN):
        network.rpn.head.bbox_pred.bias.view(-1, 4)[:, 2:] = -2.0
        network.rpn.head.cls_logits.bias[1] = SURE  # one box a cell
        for layer in network.roi_heads.box_predictor.children():
            layer.weight.zero_()
            layer.bias.zero_()
    else:
        for head in network.box_heads:
            head[-1].bias.view(-1, 4)[:, 2:] = -5.0
