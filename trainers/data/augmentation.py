"""Which augmentations the images of a training get, one after another, on images that are resized already."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from trainers.data.published_transforms import random_distortion, random_expansion, random_iou_crop, random_scale
from trainers.data.sample import Target
from trainers.data.transforms import Image, colour_jitter, horizontal_flip, random_crop, resized_to, zoom_out


@dataclass(frozen=True)
class Augmentation:
    """Augmentations in the order in which an image gets them; the default is the usual one of trainings.

    photometric: half of the images get another brightness, half another contrast, saturation and hue. expand: the share
    of images that are laid on a ground of up to 16 times their area. iou_crop: a part is cut out that holds an object
    by an IoU that is drawn. These three are SSD's (arXiv:1512.02325, section 3.6.3). scale_jitter: the lowest and the
    highest factor by which images are resized, None for none; they keep their size, so that larger ones are cropped and
    smaller ones padded. flip: the share of images that are mirrored. crops: a third is cropped and a third zoomed out.
    colours: all are recoloured. An image keeps its shape whatever is done to it.
    """

    photometric: bool = False
    expand: float = 0.0
    iou_crop: bool = False
    scale_jitter: tuple[float, float] | None = None
    flip: float = 0.5
    crops: bool = True
    colours: bool = True

    def __post_init__(self) -> None:
        for name in ("expand", "flip"):
            if not 0 <= (share := getattr(self, name)) <= 1:
                raise ValueError(f"{name} is {share}, must be from 0 to 1.")
        if (
            self.scale_jitter is not None
            and not SMALLEST_SCALE <= self.scale_jitter[0] <= self.scale_jitter[1] <= LARGEST_SCALE
        ):
            raise ValueError(
                f"scale_jitter is {list(self.scale_jitter)}, must be [lowest, highest], both from {SMALLEST_SCALE} to "
                f"{LARGEST_SCALE}."
            )

    def described(self) -> dict[str, Any]:
        """What differs from the usual one, by name."""
        usual = asdict(USUAL)
        return {name: value for name, value in asdict(self).items() if value != usual[name]}

    def of(self, image: Image, target: Target, rng: np.random.Generator) -> tuple[Image, Target]:
        """An image (3, H, W) and its objects, augmented. Every draw comes from `rng`.

        Cropping alone would make objects larger in training than they are later, and small ones rare.
        """
        height, width = image.shape[1:]
        if self.photometric:
            image = random_distortion(image, rng)
        if self.expand:
            image, target = random_expansion(image, target, rng, self.expand)
        if self.iou_crop:
            image, target = random_iou_crop(image, target, rng)
        image, target = resized_to(image, target, height, width)
        if self.scale_jitter is not None:
            image, target = random_scale(image, target, rng, self.scale_jitter)
        if rng.random() < self.flip:
            image, target = horizontal_flip(image, target)
        if self.crops:
            zoom = rng.random()
            if zoom < 1 / 3:
                image, target = random_crop(image, target, rng)
            elif zoom < 2 / 3:
                image, target = zoom_out(image, target, rng)
        return (colour_jitter(image, rng) if self.colours else image), target


SMALLEST_SCALE, LARGEST_SCALE = 0.1, 4.0
USUAL = Augmentation()
