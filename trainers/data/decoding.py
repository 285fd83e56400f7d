"""Decodes images once and resizes them; where they don't fit into memory, to a cache on a disk."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainers.data.batches import Images
from trainers.data.decoded import Decoded
from trainers.data.errors import DataError, NothingUsableError, OnBadData, check_on_bad_data
from trainers.data.image_list import ImageList
from trainers.data.picture import Picture, in_pixels_of, read_picture
from trainers.data.remarks import merged
from trainers.data.resizing import Resizing
from trainers.data.sample import Defect, DetectionData, Sample
from trainers.data.streaming.cache import Streaming, cached_survey
from trainers.data.streaming.images import ImageFiles, StreamedImages
from trainers.data.streaming.making import Pass
from trainers.progress import Progress, SilentProgress


@dataclass(frozen=True)
class Memory:
    """How many MB (2**20 bytes) a set of images may take in memory, and how larger sets are read: None refuses them."""

    limit_mb: float = 4096.0
    beyond: Streaming | None = None

    def holds(self, samples: Sequence[Sample], resizing: Resizing) -> bool:
        """Whether the images of these samples fit. Raises DataError where they don't and may not."""
        needed_mb = resizing.bytes_of((one.width, one.height) for one in samples) / 2**20
        if needed_mb > self.limit_mb and self.beyond is None:
            raise DataError(
                f"{len(samples)} images at {resizing}",
                f"they take {needed_mb:.1f} MB decoded, more than the limit of {self.limit_mb:g} MB",
                "Lower data.image_size, use a smaller split, or raise data.memory_limit_mb",
            )
        return needed_mb <= self.limit_mb


def decode(
    data: DetectionData,
    resizing: Resizing | int,
    memory: Memory | None = None,
    on_bad_data: OnBadData = "error",
    *,
    stage: str = "images",
    progress: Progress | None = None,
) -> Decoded:
    """Decode all images and resize them; an int stands for squares of that side, to which they are squashed.

    Those that don't fit into `memory` go to a cache, or are decoded whenever they are read, as it says; what a cache
    has already isn't decoded again. `progress` advances by one per image, in a stage of the name `stage`. Raises
    DataError before decoding if too large a set may not be read so. Raises it too for a file that is no image, is
    truncated, or differs in size from its annotation by more than `SIZE_SLACK` pixels; with on_bad_data="skip" such an
    image is left out and listed in `defects`, after those of `data`.

    An image that its EXIF data turn is read as its annotation's size says: with its pixels as they are stored where
    that is the stored size, upright otherwise.
    """
    check_on_bad_data(on_bad_data)
    resizing = Resizing(resizing) if isinstance(resizing, int) else resizing
    memory, progress = memory or Memory(), progress or SilentProgress()
    usable = _Usable(data, on_bad_data)
    images: Images
    if memory.holds(data.samples, resizing) or memory.beyond is None:
        images = _in_memory(usable, resizing, stage, progress)
    else:
        images = _streamed(usable, resizing, memory.beyond, stage, progress)
    return usable.assembled(images, resizing)


class _Usable:
    """The samples that can be used, as they are read, and the defects of the others."""

    def __init__(self, data: DetectionData, on_bad_data: OnBadData) -> None:
        self.data, self.on_bad_data = data, on_bad_data
        self.samples: list[Sample] = []
        self._defects = list(data.defects)

    def add(self, sample: Sample, picture: Picture) -> bool:
        """Whether the sample can be used, as its picture was read. Raises DataError as `fail` does."""
        try:
            self.samples.append(in_pixels_of(picture, sample))
        except DataError as error:
            self.fail(error, sample)
            return False
        return True

    def fail(self, error: DataError, sample: Sample) -> None:
        """Keep a defect. Raises it if bad images aren't to be skipped."""
        if self.on_bad_data == "error":
            raise error
        self._defects.append(Defect(sample.image, error.reason))

    def check(self) -> None:
        """Raise NothingUsableError where there is no image."""
        if self.samples:
            return
        first = self._defects[0] if self._defects else None
        found = "there are none" if first is None else f"the first defect: {first.path}: {first.reason}"
        reason = f"no image is usable; {found}"
        raise NothingUsableError("the data set", reason, "Repair the data", self._defects)

    def assembled(self, images: Images, resizing: Resizing) -> Decoded:
        """The usable images with their objects."""
        data, samples = self.data, self.samples
        boxes = [resizing.placed(one.width, one.height).forward(one.boxes) for one in samples]
        return Decoded(
            images=images,
            boxes=np.concatenate(boxes).astype(np.float32),
            labels=np.concatenate([s.labels for s in samples]),
            difficult=np.concatenate([s.difficult for s in samples]),
            offsets=np.cumsum([0] + [len(s.labels) for s in samples], dtype=np.int64),
            image_ids=tuple(s.image_id for s in samples),
            class_names=data.class_names,
            defects=tuple(self._defects),
            rule=data.rule,
            learns_difficult=data.learns_difficult,
            left_out=data.left_out + len(data.samples) - len(samples),
            remarks=merged([*data.of_files, *(remark for sample in samples for remark in sample.remarks)]),
            sizes=np.array([(s.width, s.height) for s in samples], dtype=np.int64),
            resizing=resizing,
        )


def _in_memory(usable: _Usable, resizing: Resizing, stage: str, progress: Progress) -> Images:
    """One array where all images have one shape."""
    samples = usable.data.samples
    images: NDArray[np.uint8] | list[NDArray[np.uint8]] = []
    if resizing.to_one_shape:
        images = np.empty((len(samples), 3, resizing.size, resizing.size), dtype=np.uint8)
    with progress.stage(stage, len(samples)) as report:
        for sample in samples:
            try:
                pixels, picture = read_picture(sample, resizing)
            except DataError as error:
                usable.fail(error, sample)
            else:
                place = len(usable.samples)
                if isinstance(images, np.ndarray):
                    images[place] = pixels
                if usable.add(sample, picture) and isinstance(images, list):
                    images.append(pixels)
            report.advance()
    usable.check()
    return ImageList(images) if isinstance(images, list) else images[: len(usable.samples)]


def _streamed(
    usable: _Usable, resizing: Resizing, streaming: Streaming, stage: str, progress: Progress
) -> StreamedImages:
    samples = usable.data.samples
    progress.note(
        f"{stage}: {len(samples)} at {resizing} don't fit into data.memory_limit_mb. "
        f"They are read {streaming.described}, ahead of their use by {streaming.processes or 'no other'} processes."
    )
    with progress.stage(stage, len(samples)) as report:
        work = Pass(samples, resizing, streaming.processes, usable.on_bad_data, report)
        survey, folder = cached_survey(work, streaming, progress)
    places = []
    for place, sample in enumerate(samples):
        if place in survey.reasons:
            usable.fail(DataError(sample.image, survey.reasons[place]), sample)
        elif usable.add(sample, survey.picture(place)):
            places.append(place)
    usable.check()
    files = ImageFiles(samples, survey.stored, resizing)
    return StreamedImages(survey, np.array(places, dtype=np.int64), files, folder, streaming.processes)
