"""Every detector of the table learns a handful of images by heart, real and with every unit 1-bit."""

import pytest
import torch

from spaces.candidate import Candidate
from spaces.detectors import DETECTORS, DetectorSpec, build_detector, searchable_units
from spaces.supernet import build_fixed
from spaces.without_values import without_values
from trainers.inference import voc_metrics

STEPS = 200
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.mark.parametrize(("method", "least"), [("real", 0.9), ("react", 0.6)])
@pytest.mark.parametrize("detector", sorted(DETECTORS))
def test_eight_images_are_learnt_by_heart(detector, method, least, blobs, learn_by_heart):
    smallest, _ = DETECTORS[detector].sizes
    spec, data = DetectorSpec(detector=detector, num_classes=3, image_size=smallest, width=0.25), blobs(8)
    with without_values():
        units = searchable_units(build_detector(spec, lambda _: ("real",)))
    torch.manual_seed(0)
    network = build_fixed(spec, Candidate({f"layer/{unit.partition('.')[0]}": method for unit in units}))
    images = [torch.from_numpy(image / 255).float() for image in data.images]
    targets = [{key: torch.from_numpy(value) for key, value in data.target(i).items()} for i in range(8)]
    learn_by_heart(network, images, targets, steps=STEPS, rate=2e-3)
    assert voc_metrics(network, data)["map50"] > least
