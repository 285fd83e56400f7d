"""Predicting on pictures and evaluating on an image set see the same."""

import numpy as np
import pytest

from search.stages.evaluate import Reading, decode_split
from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec
from spaces.supernet import build_fixed
from trainers.detector_file import load_detector, save_detector
from trainers.inference import detect
from trainers.progress import SilentProgress

NETWORKS = [("ssd_resnet18", "bireal"), ("faster_rcnn_resnet18", "real")]


@pytest.mark.parametrize(("name", "method"), NETWORKS)
def test_boxes_are_those_that_evaluation_counts(name, method, tiny_data, lively, tmp_path):
    root = tiny_data("voc", tmp_path / "data")
    classes = ("cat", "dog")
    spec = DetectorSpec(detector=name, num_classes=2, image_size=96, width=0.125)
    candidate = Candidate({"layer/backbone": method})
    save_detector(tmp_path / "a.safetensors", lively(build_fixed(spec, candidate)), spec, candidate, classes)
    detector = load_detector(tmp_path / "a.safetensors")
    data = decode_split(Reading(root=root, format="voc"), classes, 96, SilentProgress())
    counted = detect(detector.network, data)
    pictures = sorted(root.rglob("*test_*.jpg"))
    found = list(detector.predict(pictures, score=0.0, batch_size=32))
    assert len(found) == len(counted) == 4
    assert sum(len(prediction.scores) for prediction in found) > 4
    for prediction, one in zip(found, counted, strict=True):
        assert (prediction.width, prediction.height) == (64, 48)
        np.testing.assert_array_equal(prediction.scores.numpy(), one["scores"])
        np.testing.assert_array_equal(prediction.labels.numpy(), one["labels"])
        np.testing.assert_allclose(
            prediction.boxes.numpy(), one["boxes"] * ([64 / 96, 48 / 96] * 2), rtol=1e-6, atol=1e-5
        )
