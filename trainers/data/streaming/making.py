"""The one pass over images that don't fit into memory: decoded by worker processes, checked, written to a cache."""

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from trainers.data.errors import DataError, OnBadData
from trainers.data.picture import Picture, read_picture
from trainers.data.resizing import Resizing
from trainers.data.sample import Sample
from trainers.data.streaming.survey import Survey
from trainers.data.streaming.workers import Workers
from trainers.progress import Stage
from trainers.whole_files import replacing

Decoded = tuple[Tensor, Picture] | str
"""The pixels (3, H, W) uint8 of an image and how it was read, or why it is unusable."""


@dataclass(frozen=True)
class Pass:
    """The samples that are gone over, how they are resized, by how many processes, and what happens to bad ones."""

    samples: Sequence[Sample]
    resizing: Resizing
    workers: int
    on_bad_data: OnBadData
    stage: Stage

    def over(self, pixels: Path | None) -> Survey:
        """Decode all images, and write their pixels to a file if one is named.

        Raises DataError for a bad image unless it is to be skipped, and OSError where the file can't be written.
        """
        if pixels is None:
            return _surveyed(self._images(), len(self.samples), None)
        with replacing(pixels) as file:
            survey = _surveyed(self._images(), len(self.samples), file.write)
        survey.written[:] = pixels.stat().st_mtime_ns
        return survey

    def _images(self) -> Iterator[Decoded]:
        workers: Workers[int, Decoded] = Workers(partial(_decoded, self.samples, self.resizing), self.workers)
        places = range(len(self.samples))
        largest = max(map(self.resizing.bytes_of, ([(one.width, one.height)] for one in self.samples)), default=0)
        for place, image in zip(places, workers.results(places, largest), strict=True):
            if isinstance(image, str) and self.on_bad_data == "error":
                raise DataError(self.samples[place].image, image)
            yield image
            self.stage.advance()


def _decoded(samples: Sequence[Sample], resizing: Resizing, place: int) -> Decoded:
    try:
        pixels, picture = read_picture(samples[place], resizing)
    except DataError as error:
        return error.reason
    return torch.from_numpy(np.ascontiguousarray(pixels)), picture


def _surveyed(images: Iterable[Decoded], count: int, write: Callable[[memoryview], object] | None) -> Survey:
    """What is known of the images, each written in turn."""
    survey = Survey(
        sizes=np.zeros((count, 2), np.int32),
        stored=np.zeros(count, np.bool_),
        turned=np.zeros(count, np.bool_),
        shapes=np.zeros((count, 2), np.int32),
        offsets=np.zeros(count + 1, np.int64),
        sums=np.zeros(count, np.uint32),
        written=np.zeros(1, np.int64),
        reasons=(reasons := {}),
    )
    for place, image in enumerate(images):
        survey.offsets[place + 1] = survey.offsets[place]
        if isinstance(image, str):
            reasons[place] = image
            continue
        pixels, picture = image
        content = pixels.numpy().data
        survey.sizes[place] = picture.width, picture.height
        survey.stored[place], survey.turned[place] = picture.stored, picture.turned
        survey.shapes[place] = pixels.shape[1:]
        survey.offsets[place + 1] += content.nbytes
        survey.sums[place] = zlib.crc32(content)
        if write is not None:
            write(content)
    return survey
