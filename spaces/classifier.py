"""A detector's backbone as an image classifier: what it is trained as before it detects."""

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, nn

from spaces.backbones.backbone import Backbone
from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec
from spaces.precision import in_float32, network_pass
from spaces.supernet import build_fixed

PART = "backbone"
"""The module of every detector that a classifier shares with it; its layers have the same names in both."""


class Classifier(nn.Module):
    """A backbone, the mean of its last map over all places, and a linear layer: images to class scores.

    images: N of one size, (3, H, W) each or (N, 3, H, W), in 0..1; they are normalised as the backbone's detectors do.
    Result (N, classes), raw scores in float32. No ReLU stands in front of the mean, as in Bi-Real Net and ReActNet: the
    last map takes both signs.
    """

    def __init__(self, backbone: nn.Module, classes: int) -> None:
        super().__init__()
        self.backbone = backbone
        *_, channels = cast(Backbone, backbone).channels.values()
        self.head = nn.Linear(channels, classes)

    def forward(self, images: Sequence[Tensor] | Tensor) -> Tensor:
        batch = images if isinstance(images, Tensor) else torch.stack(list(images))
        backbone = cast(Backbone, self.backbone)
        mean, std = (batch.new_tensor(colour).view(3, 1, 1) for colour in (backbone.image_mean, backbone.image_std))
        with network_pass(batch.device):
            *_, last = backbone((batch - mean) / std).values()
            scores = self.head(last.mean((2, 3)))
        return in_float32(scores)


def build_classifier(spec: DetectorSpec, candidate: Candidate, classes: int) -> Classifier:
    """A freshly initialised classifier on a detector's backbone, with the candidate's methods in its layers.

    Of `spec` the detector and the width count. Raises ValueError for layers outside of the backbone, and for names that
    the backbone doesn't have.
    """
    outside = [name for name in candidate.layers() if name.partition(".")[0] != PART]
    if outside:
        raise ValueError(f"{', '.join(outside)}: a classifier has the layers of {spec.detector}'s {PART} only.")
    return Classifier(build_fixed(replace(spec, num_classes=1), candidate).get_submodule(PART), classes)
