"""GFL learns eight generated images by heart, with large and small objects in one image."""

import pytest
import torch

from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec
from spaces.supernet import build_fixed
from trainers.data.batches import batches
from trainers.data.decoding import decode
from trainers.data.formats import data_format
from trainers.data.shapes.writer import SHAPE_CLASSES, write_shapes
from trainers.inference import voc_metrics

STEPS = 600
"""After 300 steps small objects still had class scores near their start, while the class loss was near 0."""


@pytest.fixture(scope="module")
def eight(tmp_path_factory):
    root = tmp_path_factory.mktemp("shapes") / "data"
    write_shapes(root, sizes={"train": 8}, image_size=96)
    return decode(data_format("voc").image_sets(root).read("train", class_names=SHAPE_CLASSES), 96)


@pytest.mark.slow  # each trains for 600 steps, a minute or two
@pytest.mark.parametrize(("method", "least"), [("real", 0.9), ("bireal", 0.6)])
def test_eight_images_are_learnt_by_heart(eight, method, least, learn_by_heart):
    torch.manual_seed(0)
    spec = DetectorSpec(detector="gfl_resnet18", num_classes=len(eight.class_names), image_size=96, width=0.25)
    candidate = Candidate({f"layer/{part}": method for part in ("backbone", "fpn", "towers")})
    network = build_fixed(spec, candidate)
    images, targets = next(batches(eight, 8, seed=0, epoch=0, augment=False))
    learn_by_heart(network, images, targets, steps=STEPS, rate=3e-3)
    assert voc_metrics(network, eight)["map50"] > least
