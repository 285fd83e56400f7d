"""Squares against torchvision's transform, which resamples every image."""

import pytest
import torch
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec
from spaces.supernet import build_fixed


@pytest.mark.parametrize("training", [True, False])
def test_images_that_have_the_size_or_not_become_what_torchvisions_transform_makes_of_them(training):
    spec = DetectorSpec(detector="ssd_resnet18", num_classes=3, image_size=96, width=0.125)
    ours = build_fixed(spec, Candidate({})).transform.train(training)
    plain = GeneralizedRCNNTransform(96, 96, ours.image_mean, ours.image_std, size_divisible=1, fixed_size=(96, 96))
    images = [torch.rand(3, *size) for size in ((96, 96), (64, 96), (96, 120))]
    targets = [{"boxes": torch.tensor([[3.0, 5.0, 33.0, 60.0]]), "labels": torch.tensor([1])} for _ in images]
    (found, boxes), (expected, expected_boxes) = (one(images, targets) for one in (ours, plain.train(training)))
    assert torch.equal(found.tensors, expected.tensors)
    for one, other in zip(boxes, expected_boxes, strict=True):
        assert torch.equal(one["boxes"], other["boxes"])
    assert ours.resize(images[0])[0] is images[0]  # not resampled
    assert targets[0]["boxes"].tolist() == [[3.0, 5.0, 33.0, 60.0]]
