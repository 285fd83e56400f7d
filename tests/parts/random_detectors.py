"""Small detectors as after a training: what exports of whole networks are tried on."""

import torch
from random_layers import lively

from spaces.candidate import Candidate
from spaces.detectors import DETECTORS, DetectorSpec
from spaces.layers.real import FakeQuantized
from spaces.supernet import build_fixed
from trainers.detector_file import DetectorFile

SINGLE_STAGE = [name for name in DETECTORS if not name.startswith("faster_rcnn")]
EVERYWHERE = ("backbone", "stem", "shortcuts", "heads")


def random_detector(detector: str, candidate: Candidate, heads: str) -> DetectorFile:
    """Of an eighth of its width, at 96 pixels or the fewest it takes, three classes; ranges of inputs are measured."""
    torch.manual_seed(0)
    size = max(96, DETECTORS[detector].sizes[0])
    spec = DetectorSpec(detector=detector, num_classes=3, image_size=size, width=0.125, heads=heads)
    network = lively(build_fixed(spec, candidate))
    quantized = [one for one in network.modules() if isinstance(one, FakeQuantized)]
    for one in quantized:
        one.observing = True
    with torch.no_grad():
        network(list(torch.rand(1, 3, size, size)))
    for one in quantized:
        one.observing = False
    return DetectorFile(network, spec, candidate, ("a", "b", "c"))
