"""Decodes images once and squashes them to a square."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from trainers.data.decoded import Decoded
from trainers.data.errors import DataError, NothingUsableError, OnBadData, check_on_bad_data
from trainers.data.image_file import as_rgb, opened, orientation, sizes, square
from trainers.data.remarks import OTHER_SIZE, TURNED, Remark, merged
from trainers.data.sample import Defect, DetectionData, Sample
from trainers.progress import Progress, SilentProgress

SIZE_SLACK = 2
"""The most pixels by which an image's sides may differ from its annotation: its own size is taken then."""


def decode(
    data: DetectionData,
    size: int,
    memory_limit_mb: float = 4096,
    on_bad_data: OnBadData = "error",
    *,
    stage: str = "images",
    progress: Progress | None = None,
) -> Decoded:
    """Decode all images and squash them to `size` x `size` pixels with an antialiased bilinear filter.

    `progress` advances by one per image, in a stage of the name `stage`. Raises DataError before decoding if the images
    would take more than `memory_limit_mb` (1 MB = 2**20 bytes). Raises it too for a file that is no image, is
    truncated, or differs in size from its annotation by more than `SIZE_SLACK` pixels; with on_bad_data="skip" such an
    image is left out and listed in `defects`, after those of `data`.

    An image that its EXIF data turn is read as its annotation's size says: with its pixels as they are stored where
    that is the stored size, upright otherwise.
    """
    check_on_bad_data(on_bad_data)
    if size < 1:
        raise ValueError(f"size is {size}, must be at least 1.")
    _check_memory(len(data.samples), size, memory_limit_mb)
    images = np.empty((len(data.samples), 3, size, size), dtype=np.uint8)
    usable: list[Sample] = []
    defects = list(data.defects)
    with (progress or SilentProgress()).stage(stage, len(data.samples)) as report:
        for sample in data.samples:
            try:
                images[len(usable)], read = _resized(sample, size)
            except DataError as error:
                if on_bad_data == "error":
                    raise
                defects.append(Defect(sample.image, error.reason))
            else:
                usable.append(read)
            report.advance()
    if not usable:
        raise _nothing_usable(defects)
    return _assemble(images[: len(usable)], usable, data, tuple(defects))


def _nothing_usable(defects: list[Defect]) -> NothingUsableError:
    first = f"the first defect: {defects[0].path}: {defects[0].reason}" if defects else "there are none"
    return NothingUsableError("the data set", f"no image is usable; {first}", "Repair the data", defects)


def _assemble(
    images: NDArray[np.uint8], samples: Sequence[Sample], data: DetectionData, defects: tuple[Defect, ...]
) -> Decoded:
    size = images.shape[-1]
    scaled = [s.boxes * (np.array([size, size, size, size]) / (s.width, s.height, s.width, s.height)) for s in samples]
    return Decoded(
        images=images,
        boxes=np.concatenate(scaled).astype(np.float32),
        labels=np.concatenate([s.labels for s in samples]),
        difficult=np.concatenate([s.difficult for s in samples]),
        offsets=np.cumsum([0] + [len(s.labels) for s in samples], dtype=np.int64),
        image_ids=tuple(s.image_id for s in samples),
        class_names=data.class_names,
        defects=defects,
        rule=data.rule,
        learns_difficult=data.learns_difficult,
        left_out=data.left_out + len(data.samples) - len(samples),
        remarks=merged([*data.of_files, *(remark for sample in samples for remark in sample.remarks)]),
        sizes=np.array([(s.width, s.height) for s in samples], dtype=np.int64),
    )


def _check_memory(count: int, size: int, limit_mb: float) -> None:
    needed_mb = count * 3 * size * size / 2**20
    if needed_mb > limit_mb:
        raise DataError(
            f"{count} images at {size} x {size} pixels",
            f"they take {needed_mb:.1f} MB decoded, more than the limit of {limit_mb:g} MB",
            "Lower data.image_size, use a smaller split, or raise data.memory_limit_mb",
        )


def _resized(sample: Sample, size: int) -> tuple[NDArray[np.uint8], Sample]:
    """(3, size, size) and the sample in the pixels of the image.

    The header is checked first, so that a wrong size is an error before memory is allocated.
    """
    with opened(sample.image) as image:
        turn = orientation(image)
        upright, stored = sizes(image, turn)
        is_stored = _difference(stored, sample) < _difference(upright, sample)
        read = _in_pixels_of(sample, stored if is_stored else upright)
        if turn != 1 and (upright == stored or sample.has_own_size):
            read = replace(read, remarks=(*read.remarks, Remark(TURNED, 1, sample.image)))
        return square(as_rgb(image, turn, stored=is_stored), size), read


def _difference(size: tuple[int, int], sample: Sample) -> int:
    """By how many pixels at most an image's sides differ from what its annotation says."""
    return max(abs(size[0] - sample.width), abs(size[1] - sample.height))


def _in_pixels_of(sample: Sample, size: tuple[int, int]) -> Sample:
    """The sample with the size of its image, and its boxes clipped to that. Raises DataError for quite another size."""
    difference, (width, height) = _difference(size, sample), size
    if not difference:
        return sample
    if difference > SIZE_SLACK:
        expected = f"{sample.width} x {sample.height}"
        raise DataError(sample.image, f"the image is {width} x {height} pixels, its annotation says {expected}")
    boxes = sample.boxes.clip(0, np.array([width, height, width, height], dtype=np.float32))
    if (boxes[:, :2] >= boxes[:, 2:]).any():
        raise DataError(sample.image, f"a box has no area within the image of {width} x {height} pixels")
    remarks = (*sample.remarks, Remark(OTHER_SIZE, 1, sample.image))
    return replace(sample, width=width, height=height, boxes=boxes, remarks=remarks)
