"""Detectors learn from pictures of many shapes, in a letterbox or as they are."""

import pytest
import torch
from own_shapes import CLASSES, write_own_shapes

from spaces.candidate import ALL_REAL
from spaces.detectors import DetectorSpec
from spaces.supernet import build_fixed
from trainers.data.decoding import decode
from trainers.data.formats import data_format
from trainers.data.resizing import Resizing
from trainers.inference import score_metrics
from trainers.training.detector import train_detector
from trainers.training.loop import Task
from trainers.training.settings import TrainSettings

OWN = {"resize": "shortest_edge", "longest": 160}
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # one to two minutes each


@pytest.mark.parametrize(
    ("detector", "resizing"),
    [("faster_rcnn_resnet18", OWN), ("gfl_resnet18", OWN), ("gfl_resnet18", {"resize": "letterbox"})],
)
def test_objects_are_found_on_pictures_of_many_shapes(detector, resizing, tmp_path):
    write_own_shapes(tmp_path, {"train": 48})
    listed = data_format("coco").image_sets(tmp_path).read("train")
    spec = DetectorSpec(detector=detector, num_classes=len(CLASSES), image_size=96, width=0.25, **resizing)
    data = decode(listed, Resizing.of(spec))
    torch.manual_seed(0)
    network = build_fixed(spec, ALL_REAL)
    before = score_metrics(network, data)["ap50"]
    settings = TrainSettings(epochs=20, batch_size=8, learning_rate=2e-3)
    train_detector(network, data, settings, Task(stage="it", seed=0))
    after = score_metrics(network, data)["ap50"]
    assert before < 0.05
    assert after > 0.7
