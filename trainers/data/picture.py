"""How the picture of a sample is read: which way up, in which size, and its pixels."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainers.data.errors import DataError
from trainers.data.image_file import as_rgb, opened, orientation, sizes
from trainers.data.remarks import OTHER_SIZE, TURNED, Remark
from trainers.data.resizing import Resizing
from trainers.data.sample import Sample

SIZE_SLACK = 2
"""The most pixels by which an image's sides may differ from its annotation: its own size is taken then."""


@dataclass(frozen=True)
class Picture:
    """What a file's header says of its picture, beside its annotation.

    width, height: in pixels, as it is read. stored: whether its pixels are read as they are stored, rather than
    upright. turned: whether its EXIF data turn it, where its annotation can't tell which way is meant.
    """

    width: int
    height: int
    stored: bool
    turned: bool


def read_picture(sample: Sample, resizing: Resizing) -> tuple[NDArray[np.uint8], Picture]:
    """(3, H, W), resized, and how it was read. Raises DataError for a file that is no image, or of quite another size.

    The header is checked first, so that a wrong size is an error before memory is allocated.
    """
    with opened(sample.image) as image:
        turn = orientation(image)
        picture = _of_header(sample, image, turn)
        return resizing.pixels(as_rgb(image, turn, stored=picture.stored)), picture


def in_pixels_of(picture: Picture, sample: Sample) -> Sample:
    """The sample with the size of its picture and its boxes clipped to that. Raises DataError for a box outside."""
    read, (width, height) = sample, (picture.width, picture.height)
    if _difference((width, height), sample):
        boxes = sample.boxes.clip(0, np.array([width, height, width, height], dtype=np.float32))
        if (boxes[:, :2] >= boxes[:, 2:]).any():
            raise DataError(sample.image, f"a box has no area within the image of {width} x {height} pixels")
        remarks = (*sample.remarks, Remark(OTHER_SIZE, 1, sample.image))
        read = replace(sample, width=width, height=height, boxes=boxes, remarks=remarks)
    return replace(read, remarks=(*read.remarks, Remark(TURNED, 1, sample.image))) if picture.turned else read


def _of_header(sample: Sample, image: Image.Image, turn: int) -> Picture:
    upright, stored = sizes(image, turn)
    is_stored = _difference(stored, sample) < _difference(upright, sample)
    width, height = stored if is_stored else upright
    if _difference((width, height), sample) > SIZE_SLACK:
        expected = f"{sample.width} x {sample.height}"
        raise DataError(sample.image, f"the image is {width} x {height} pixels, its annotation says {expected}")
    return Picture(width, height, is_stored, turn != 1 and (upright == stored or sample.has_own_size))


def _difference(size: tuple[int, int], sample: Sample) -> int:
    """By how many pixels at most an image's sides differ from what its annotation says."""
    return max(abs(size[0] - sample.width), abs(size[1] - sample.height))
