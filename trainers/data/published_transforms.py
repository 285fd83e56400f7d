"""Published augmentations: SSD's by torchvision's transforms, which keep the boxes right, and scale jitter.

torchvision's ScaleJitter fits an image into a target first, so that its factor isn't the one that is drawn.

Images are (3, H, W) uint8 arrays, targets as in `transforms`. torchvision draws from torch's global generator: it is
seeded from the generator passed in, and is afterwards as it was before.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision import tv_tensors
from torchvision.transforms import v2

from trainers.data.resizing import MEAN_COLOUR
from trainers.data.sample import Target
from trainers.data.transforms import resized_to
from trainers.seeding import seeded_torch

Image = NDArray[np.uint8]

LARGEST_SIDE = 4.0
"""How many times as wide and high as its image the ground is that it is laid on."""


def random_distortion(image: Image, rng: np.random.Generator) -> Image:
    """SSD's distortions: brightness, contrast, saturation, hue and the order of channels, each of half the images."""
    return _applied(v2.RandomPhotometricDistort(), image, None, rng)[0]


def random_expansion(image: Image, target: Target, rng: np.random.Generator, share: float) -> tuple[Image, Target]:
    """A share of the images is laid anywhere on a ground of the mean colour, 1 to 4 times as wide and high."""
    fill: list[float] = list(MEAN_COLOUR)
    return _applied(v2.RandomZoomOut(fill=fill, side_range=(1.0, LARGEST_SIDE), p=share), image, target, rng)


def random_iou_crop(image: Image, target: Target, rng: np.random.Generator) -> tuple[Image, Target]:
    """A part of the image that has an IoU of at least 0.1, 0.3, 0.5, 0.7 or 0.9, or any, with an object; or all of it.

    Objects whose centre lies outside are dropped, others clipped. An image without objects stays whole.
    """
    if not len(target["labels"]):
        return image, target
    return _applied(v2.RandomIoUCrop(), image, target, rng)


def random_scale(
    image: Image, target: Target, rng: np.random.Generator, scales: tuple[float, float]
) -> tuple[Image, Target]:
    """The image resized by a factor drawn from `scales`, on a ground of its own size (arXiv:2012.07177, section 3).

    A larger one is cropped anywhere, and objects with it; a smaller one lies anywhere, the rest has the mean colour.
    """
    height, width = image.shape[1:]
    factor = rng.uniform(*scales)
    rows, columns = (max(1, round(side * factor)) for side in (height, width))
    scaled, target = resized_to(image, target, rows, columns)
    top, left = (
        int(rng.integers(min(0, own - other), max(0, own - other) + 1))
        for own, other in ((height, rows), (width, columns))
    )
    ground = np.empty_like(image)
    ground[:] = np.array(MEAN_COLOUR, dtype=np.uint8)[:, None, None]
    seen = (slice(max(0, top), min(height, top + rows)), slice(max(0, left), min(width, left + columns)))
    source = tuple(
        slice(part.start - corner, part.stop - corner) for part, corner in zip(seen, (top, left), strict=True)
    )
    ground[:, *seen] = scaled[:, *source]
    boxes = (target["boxes"] + np.array([left, top, left, top], dtype=np.float32)).clip(0, [width, height] * 2)
    return ground, _with_area({**target, "boxes": boxes.astype(np.float32)})


def _applied(transform: Any, image: Image, target: Target | None, rng: np.random.Generator) -> tuple[Image, Target]:
    """The transform's image and objects, without those that have no area left."""
    given: dict[str, Any] = {"image": tv_tensors.Image(torch.from_numpy(image.copy()))}
    if target is not None:
        boxes = torch.from_numpy(target["boxes"].copy())
        canvas = (image.shape[1], image.shape[2])
        given["boxes"] = tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=canvas)
    with seeded_torch(int(rng.integers(2**31))):
        made = transform(given)
    pixels = made["image"].numpy()
    return pixels, {} if target is None else _with_area({**target, "boxes": made["boxes"].numpy()})


def _with_area(target: Target) -> Target:
    kept = (target["boxes"][:, 2:] > target["boxes"][:, :2]).all(axis=1)
    return {name: value[kept] for name, value in target.items()}
