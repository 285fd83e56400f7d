"""How pictures come to the size of a detector, and how boxes go there and back."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from spaces.detectors import DetectorSpec
from spaces.detectors.resizing import Resize, check_resize
from trainers.data.sample import Target

Boxes = NDArray[np.float64]

MEAN_COLOUR = (124, 116, 104)
"""ImageNet's, which most backbones subtract: what a letterbox is filled with is near 0 for them."""


@dataclass(frozen=True)
class Placement:
    """Where a picture lies in its resized image.

    original: (width, height) of the picture. content: (width, height) that it takes in the image. corner: (x, y) of its
    upper left pixel there. shape: (height, width) of the image.
    """

    original: tuple[int, int]
    content: tuple[int, int]
    corner: tuple[int, int]
    shape: tuple[int, int]

    @property
    def area(self) -> float:
        """How many pixels of the picture one of the image stands for."""
        return self.original[0] / self.content[0] * (self.original[1] / self.content[1])

    def forward(self, boxes: NDArray[np.floating]) -> Boxes:
        """Boxes (n, 4) xyxy in the picture's pixels to the image's."""
        moved: Boxes = boxes * (np.array([*self.content, *self.content]) / (*self.original, *self.original))
        return moved + np.array([*self.corner, *self.corner]) if any(self.corner) else moved

    def back(self, boxes: NDArray[np.floating]) -> Boxes:
        """Boxes (n, 4) xyxy in the image's pixels to the picture's."""
        scale = np.array([*self.original, *self.original]) / (*self.content, *self.content)
        moved: Boxes = (boxes.astype(np.float64) - (*self.corner, *self.corner)) * scale
        return moved

    def inside(self, found: Target) -> Target:
        """Detections with boxes (n, 4) in the image's pixels, clipped to the picture. Those beside it are left out."""
        (x, y), (width, height) = self.corner, self.content
        if self.shape == (height, width):
            return found
        boxes = found["boxes"].clip((x, y, x, y), (x + width, y + height) * 2)
        kept = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        return {name: (boxes if name == "boxes" else value)[kept] for name, value in found.items()}


@dataclass(frozen=True)
class Resizing:
    """How pictures come to their size. The filter is bilinear and antialiased.

    squash: to squares of `size` pixels, whatever the picture's shape. letterbox: into the middle of such squares, as
    large as fits; the rest gets `MEAN_COLOUR`. shortest_edge: in their own shape, the shorter side to `size` pixels, to
    fewer where the longer side would have more than `longest`.
    """

    size: int
    resize: Resize = "squash"
    longest: int | None = None

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"size is {self.size}, must be at least 1.")
        check_resize(self.resize, self.size, self.longest)

    @classmethod
    def of(cls, spec: DetectorSpec) -> "Resizing":
        """That of a detector's images."""
        return cls(spec.image_size, spec.resize, spec.longest)

    @property
    def to_one_shape(self) -> bool:
        """Whether all images are squares of `size`."""
        return self.longest is None

    @property
    def key(self) -> int | list[int | str | None]:
        """What digests have of it: for squashed images the side alone, as ever."""
        return self.size if self.resize == "squash" else [self.resize, self.size, self.longest]

    def placed(self, width: int, height: int) -> Placement:
        """Where a picture of that size lies in its image."""
        size, original = self.size, (width, height)
        if self.resize == "squash":
            return Placement(original, (size, size), (0, 0), (size, size))
        scale = (
            size / max(original) if self.longest is None else min(size / min(original), self.longest / max(original))
        )
        across, down = (max(1, round(side * scale)) for side in original)
        if self.longest is not None:
            return Placement(original, (across, down), (0, 0), (down, across))
        return Placement(original, (across, down), ((size - across) // 2, (size - down) // 2), (size, size))

    def pixels(self, rgb: Image.Image) -> NDArray[np.uint8]:
        """(3, H, W) of a picture in 8-bit RGB: what detectors learn from and see."""
        place = self.placed(*rgb.size)
        resized = np.asarray(rgb.resize(place.content, Image.Resampling.BILINEAR)).transpose(2, 0, 1)
        if place.shape == resized.shape[1:]:
            return resized
        image = np.empty((3, *place.shape), dtype=np.uint8)
        image[:] = np.array(MEAN_COLOUR, dtype=np.uint8)[:, None, None]
        (x, y), (width, height) = place.corner, place.content
        image[:, y : y + height, x : x + width] = resized
        return image

    def bytes_of(self, sizes: Iterable[tuple[int, int]]) -> int:
        """What the images of pictures of these (width, height) take in memory."""
        return sum(3 * height * width for height, width in (self.placed(*one).shape for one in sizes))

    def __str__(self) -> str:
        if self.longest is not None:
            return f"{self.size} x {self.longest} pixels at most"
        return f"{self.size} x {self.size} pixels"
