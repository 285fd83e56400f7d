"""Faster R-CNN against torchvision's own, which takes no part in ours but for matching, sampling, NMS and RoIAlign.

Where they differ on purpose: ours makes every image a square of one size, torchvision keeps its aspect ratio and pads;
for inputs of up to 320 pixels ours has anchors, pooling and numbers of proposals of its own, which torchvision's
network is given here.
"""

import re

import pytest
import torch
from torchvision.models.detection import fasterrcnn_resnet50_fpn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.ops import MultiScaleRoIAlign

from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec
from spaces.published.weights import load_pretrained
from spaces.supernet import build_fixed
from spaces.without_values import without_values

PUBLISHED, SMALL = 352, 96
LOSSES = {"cls": "loss_classifier", "box": "loss_box_reg", "rpn_cls": "loss_objectness", "rpn_box": "loss_rpn_box_reg"}
sizes = pytest.mark.parametrize("size", [SMALL, pytest.param(PUBLISHED, marks=pytest.mark.slow)])


def theirs(size):
    """In double precision, so that no tie of scores is decided by rounding, with BatchNorms as after a training."""
    torch.manual_seed(0)
    small = {
        "rpn_anchor_generator": AnchorGenerator(tuple((16 * 2**n,) for n in range(5)), ((0.5, 1.0, 2.0),) * 5),
        "box_roi_pool": MultiScaleRoIAlign(["0", "1", "2", "3"], 7, 2, canonical_scale=112),
        "rpn_pre_nms_top_n_train": 600,
        "rpn_post_nms_top_n_train": 600,
        "rpn_pre_nms_top_n_test": 300,
        "rpn_post_nms_top_n_test": 300,
        "box_batch_size_per_image": 128,
    }
    network = fasterrcnn_resnet50_fpn(
        weights=None,
        weights_backbone=None,
        num_classes=4,
        min_size=size,
        max_size=size,
        **(small if size == SMALL else {}),
    ).double()
    for name, parameter in network.named_parameters():
        if "cls_" in name or "bbox_pred" in name:  # proposals and detections of all classes, sizes and scores
            torch.nn.init.normal_(parameter, std=0.05 if "rpn" in name else 0.3)
        elif ".bn" in name or "downsample.1" in name or name.endswith("bias"):
            torch.nn.init.normal_(parameter, float(".bias" not in name), 0.2)
    network.train()
    with torch.no_grad():
        for norm in network.modules():
            if isinstance(norm, torch.nn.BatchNorm2d):
                norm.momentum = 1.0
        network(pictures(size), targets(size))
        # Random layers say much the same of every box: what they share is taken off, so that all classes are found.
        hidden = tapped(network.roi_heads.box_head)
        network.eval()(pictures(size))
        predictor = network.roi_heads.box_predictor.cls_score
        predictor.bias.copy_(-predictor.weight @ hidden[0].mean(0))
    return network


def tapped(module):
    """Keeps what a module computes from now on."""
    kept = []
    module.register_forward_hook(lambda module, inputs, output: kept.append(output))
    return kept


def ours(network, size):
    spec = DetectorSpec(detector="faster_rcnn_resnet50_plain", num_classes=3, image_size=size)
    detector = build_fixed(spec, Candidate({})).double()
    report = load_pretrained(detector, network.state_dict())
    assert report.complete
    assert (report.own, report.unused) == ((), ())
    return detector


def pictures(size):
    """Two random images, twice as large as the networks take them."""
    return list(torch.rand(2, 3, 2 * size, 2 * size, dtype=torch.float64, generator=torch.Generator().manual_seed(1)))


def targets(size):
    boxes = torch.tensor([[0.1, 0.2, 0.5, 0.6], [0.3, 0.3, 0.9, 0.8], [0.5, 0.1, 0.6, 0.25]], dtype=torch.float64)
    return [
        {"boxes": boxes[:1] * 2 * size, "labels": torch.tensor([2])},
        {"boxes": boxes * 2 * size, "labels": torch.tensor([1, 3, 1])},
    ]


@sizes
@torch.no_grad()
def test_it_takes_torchvisions_weights_and_finds_what_torchvisions_finds(size):
    network = theirs(size)
    detector = ours(network, size).eval()
    maps = tapped(network.backbone)
    expected = network.eval()(pictures(size))
    output = detector(pictures(size))
    for one, other in zip(output.features.values(), maps[0].values(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)
    assert all(len(found["boxes"]) > 10 for found in expected)
    assert {label for found in expected for label in found["labels"].tolist()} == {1, 2, 3}
    for one, other in zip(output.detections, expected, strict=True):
        assert torch.equal(one["labels"], other["labels"])
        torch.testing.assert_close(one["scores"], other["scores"], rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(one["boxes"], other["boxes"], rtol=1e-4, atol=1e-4)


@sizes
@torch.no_grad()
def test_in_training_its_losses_are_torchvisions_where_the_same_samples_are_drawn(size):
    network = theirs(size).train()
    detector = ours(network, size).train()
    torch.manual_seed(7)
    expected = network(pictures(size), targets(size))
    torch.manual_seed(7)
    found = detector(pictures(size), targets(size)).losses
    assert {LOSSES[name] for name in found} == set(expected)
    for name, loss in found.items():
        torch.testing.assert_close(loss, expected[LOSSES[name]], rtol=1e-4, atol=1e-6)
        assert loss > 0


def test_a_file_of_torchvisions_older_versions_is_the_same():
    spec = DetectorSpec(detector="faster_rcnn_resnet50_plain", num_classes=3, image_size=96)
    with without_values():
        state = fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=4).state_dict()
        detector = build_fixed(spec, Candidate({}))
    older = {
        re.sub(r"_blocks\.(\d)\.0\.", r"_blocks.\1.", name).replace("conv.0.0.", "conv."): tensor
        for name, tensor in state.items()
    }
    assert {"backbone.fpn.inner_blocks.0.weight", "rpn.head.conv.weight"} <= set(older)
    assert set(detector.from_published(older)) == set(detector.state_dict())


def test_other_classes_leave_the_predictors_as_they_are():
    torch.manual_seed(0)
    spec = DetectorSpec(detector="faster_rcnn_resnet50_plain", num_classes=2, image_size=96)
    detector = build_fixed(spec, Candidate({}))
    before = detector.roi_heads.box_predictor.cls_score.weight.clone()
    published = fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=91).state_dict()
    report = load_pretrained(detector, published)
    assert report.missing == tuple(
        f"roi_heads.box_predictor.{layer}.{kind}" for layer in ("cls_score", "bbox_pred") for kind in ("weight", "bias")
    )
    assert torch.equal(detector.roi_heads.box_predictor.cls_score.weight, before)
    assert torch.equal(detector.roi_heads.box_head.fc6.weight, published["roi_heads.box_head.fc6.weight"])


def test_the_searchable_layout_takes_the_same_weights_as_a_start():
    torch.manual_seed(0)
    spec = DetectorSpec(detector="faster_rcnn_resnet50", num_classes=90, image_size=96)
    detector = build_fixed(spec, Candidate({"layer/fpn": "dbs", "layer/rpn": "bireal+learned_scale"}))
    published = fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None).state_dict()
    report = load_pretrained(detector, published)
    assert report.complete
    assert all(".alternatives." in name for name in report.own)
    output = published["backbone.fpn.layer_blocks.0.0.weight"]
    unit = detector.get_submodule("fpn.p2.output")
    assert torch.equal(unit.alternatives["dbs"].logits.sign(), output.sign())
    scale = detector.get_submodule("rpn.head.conv").alternatives["bireal+learned_scale"].scale
    torch.testing.assert_close(scale, published["rpn.head.conv.0.0.weight"].abs().mean((1, 2, 3)))
