"""Default boxes of a single-shot detector, laid out once per input size."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator
from torchvision.models.detection.image_list import ImageList


@dataclass(frozen=True)
class BoxSpec:
    """The default boxes of a family of detectors, which share them so that one can teach another by its responses.

    scales: sides of boxes as shares of the image, one per level and one more for the square between the last level and
    the whole. steps: pixels from cell to cell on images of `steps_at` pixels, which aren't a level's share of the image
    in the published layout; at any other size, and without steps, the image is divided by the level's size.
    """

    aspect_ratios: tuple[tuple[int, ...], ...]
    scales: tuple[float, ...]
    steps: tuple[int, ...] | None = None
    steps_at: int = 300


SSD_BOXES = BoxSpec(((2,), (2, 3), (2, 3), (2,)), (0.10, 0.22, 0.42, 0.68, 0.95))
"""Four levels, 4, 6, 6 and 4 boxes per cell."""

SSD300_BOXES = BoxSpec(
    ((2,), (2, 3), (2, 3), (2, 3), (2,), (2,)), (0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05), (8, 16, 32, 64, 100, 300)
)
"""Six levels, 4, 6, 6, 6, 4 and 4 boxes per cell; the sizes are torchvision's `ssd300_vgg16`'s."""


class DefaultBoxes(nn.Module):
    """Default boxes of all pyramid levels (arXiv:1512.02325, section 2.2)."""

    def __init__(self, image_size: int, spec: BoxSpec = SSD_BOXES) -> None:
        super().__init__()
        self.image_size = image_size
        with torch.device("cpu"):  # also when the detector around it is built without memory, to be filled later
            self._generate = DefaultBoxGenerator(
                [list(ratios) for ratios in spec.aspect_ratios],
                scales=list(spec.scales),
                steps=list(spec.steps) if spec.steps and image_size == spec.steps_at else None,
            )
        self._cache: dict[tuple[object, ...], Tensor] = {}

    @property
    def per_cell(self) -> list[int]:
        """The number of boxes per cell, level by level."""
        return self._generate.num_anchors_per_location()

    def forward(self, features: list[Tensor]) -> Tensor:
        """Features (N, C, H, W) per level to boxes (M, 4) xyxy in pixels, by level, row, column, box of the cell."""
        first = features[0]
        key = (first.device, *(feature.shape[-2:] for feature in features))
        if key not in self._cache:
            size = (self.image_size, self.image_size)
            images = ImageList(torch.empty((1, 3, *size), device=first.device), [size])
            single = [feature[:1].detach().float() for feature in features]
            self._cache = {key: self._generate(images, single)[0]}
        return self._cache[key]
