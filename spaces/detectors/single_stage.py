"""The forward pass that all single-stage detectors share, from images to a `DetectorOutput`."""

from functools import partial
from typing import Protocol, cast

from torch import Tensor, nn
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from spaces.detectors.contract import (
    Assignment,
    Detections,
    DetectorOutput,
    Responses,
    Target,
    collect_traces,
    maps_in_float32,
)
from spaces.detectors.resizing import sizes_of
from spaces.precision import network_pass


class SingleStage(Protocol):
    """The steps of a single-stage detector. Targets are in pixels of the detector's own input."""

    transform: GeneralizedRCNNTransform

    def pyramid(self, batch: Tensor) -> dict[str, Tensor]:
        """Normalised images (N, 3, H, W) of the detector's input to its levels by name, the finest first."""
        ...

    def respond(self, features: dict[str, Tensor]) -> Responses:
        """The heads on all levels."""
        ...

    def losses(self, responses: Responses, targets: list[Target]) -> dict[str, Tensor]:
        """The training losses, scalars by name."""
        ...

    def assign(self, responses: Responses, targets: list[Target]) -> Assignment:
        """The targets of the anchors."""
        ...

    def decode(
        self, responses: Responses, sizes: list[tuple[int, int]], own_sizes: list[tuple[int, int]] | None = None
    ) -> list[Detections]:
        """The detections of images of these (height, width), in their pixels.

        own_sizes: of the images as the detector took them, without padding; None for a detector of squares.
        """
        ...


def single_stage_output(
    detector: SingleStage,
    images: list[Tensor],
    targets: list[Target] | None = None,
    proposals: list[Tensor] | None = None,
) -> DetectorOutput:
    """See `contract.Detector`. Detections and assignment are computed when first asked for.

    Raises ValueError for `proposals`, which only two-stage detectors take.
    """
    if proposals is not None:
        raise ValueError("A single-stage detector takes no proposals.")
    batch, resized = detector.transform(images, targets)
    with network_pass(batch.tensors.device):
        features = detector.pyramid(batch.tensors)
        responses = detector.respond(features)
    features, responses = maps_in_float32(features), responses.in_float32()
    return DetectorOutput(
        features,
        responses,
        partial(detector.decode, responses, sizes_of(images), batch.image_sizes),
        {} if resized is None else detector.losses(responses, resized),
        collect_traces(cast(nn.Module, detector)),
        resized or [],
        assign=None if resized is None else partial(detector.assign, responses, resized),
    )
