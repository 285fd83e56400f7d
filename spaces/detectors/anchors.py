"""Default boxes of a single-shot detector, laid out once per input size."""

import torch
from torch import Tensor, nn
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator
from torchvision.models.detection.image_list import ImageList

ASPECT_RATIOS = ([2], [2, 3], [2, 3], [2])
SCALES = (0.10, 0.22, 0.42, 0.68, 0.95)
"""Box sides as shares of the image, one a level and one more for the square between the last level and the whole."""


class DefaultBoxes(nn.Module):
    """Boxes of four pyramid levels (arXiv:1512.02325, section 2.2): 4, 6, 6 and 4 a cell.

    The specification is one for the whole family, so that the responses of one detector can teach another.
    """

    def __init__(self, image_size: int) -> None:
        super().__init__()
        self.image_size = image_size
        with torch.device("cpu"):  # also when the detector around it is built without memory, to be filled later
            self._generate = DefaultBoxGenerator(list(map(list, ASPECT_RATIOS)), scales=list(SCALES))
        self._cache: dict[tuple[object, ...], Tensor] = {}

    @property
    def per_cell(self) -> list[int]:
        """The number of boxes a cell of each level holds."""
        return self._generate.num_anchors_per_location()

    def forward(self, features: list[Tensor]) -> Tensor:
        """Features (N, C, H, W) a level to boxes (M, 4) xyxy in pixels, by level, row, column, box of the cell."""
        first = features[0]
        key = (first.device, *(feature.shape[-2:] for feature in features))
        if key not in self._cache:
            size = (self.image_size, self.image_size)
            images = ImageList(torch.empty((1, 3, *size), device=first.device), [size])
            single = [feature[:1].detach().float() for feature in features]
            self._cache = {key: self._generate(images, single)[0]}
        return self._cache[key]
