"""A stand-in for a trained detector that finds what a test has drawn, so that coordinates are tested exactly."""

from types import SimpleNamespace

import torch
from torch import nn

from spaces.candidate import ALL_REAL
from spaces.detectors import DetectorSpec
from trainers.detector_file import DetectorFile

SIDE = 100
"""Pixels of its square."""


class RedFinder(nn.Module):
    """One object in each image: the smallest box round the pixels with a red above a half; none where there is none.

    Its label is 1 and its score 0.75; a second box, the whole image, has label 2 and score 0.25.
    """

    detections_per_image = 100

    def __init__(self):
        super().__init__()
        self.anywhere = nn.Parameter(torch.zeros(1))
        self.batches = []

    def forward(self, images):
        self.batches.append(images)
        return SimpleNamespace(detections=[_found(image) for image in images])


def _found(image):
    rows, columns = torch.nonzero(image[0] > 0.5, as_tuple=True)
    boxes = [[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]] if len(rows) else []
    boxes = torch.tensor([*boxes, [0, 0, SIDE, SIDE]], dtype=torch.float32)
    scores, labels = torch.tensor([0.75, 0.25]), torch.tensor([1, 2])
    return {"boxes": boxes, "scores": scores[-len(boxes) :], "labels": labels[-len(boxes) :]}


def red_finder(classes=("red", "image"), **resizing):
    """A detector's file with this network, as `load_detector` would return it. resizing: fields of the spec."""
    spec = DetectorSpec(detector="gfl_resnet18", num_classes=len(classes), image_size=SIDE, width=0.125, **resizing)
    return DetectorFile(RedFinder().eval(), spec, ALL_REAL, tuple(classes))
