"""Batches of pictures with their classes, read from their files whenever they are needed."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torchvision.transforms import InterpolationMode, RandomResizedCrop
from torchvision.transforms import functional as transforms

from trainers.data.batches import WHOLE, Batch, Order, Part, as_batch, ordered
from trainers.data.classes.folder import Labelled
from trainers.data.errors import DataError
from trainers.data.image_file import as_rgb, opened, orientation
from trainers.data.streaming.workers import Workers
from trainers.progress import Progress
from trainers.seeding import seeded_torch

RATIO = (3 / 4, 4 / 3)
"""Of the sides of a random crop, as torchvision has it."""
RESIZED = 256 / 224
"""The shorter side of a resized picture, by the side of the crop from its middle."""
FLIPPED = 0.5
LONGEST = 8
"""The longer side of what a picture is resized from, by the shorter one: what is left out lies far from the middle."""
MOST_SHOWN = 3
REPAIR = "Repair or remove such files"

Example = tuple[NDArray[np.uint8], dict[str, NDArray[Any]]]


@dataclass(frozen=True)
class Pictures:
    """Pictures by class at one size, as a training reads them.

    size: the pixels of a side. In training it is that of a random crop, resized and mirrored in half of all cases;
    crop_scale: its least share of the picture's area. Elsewhere it is that of the middle of the picture, whose shorter
    side is resized to 8/7 of it. workers: processes that read ahead; 0 for none.
    """

    labelled: Labelled
    size: int
    crop_scale: float = 0.08
    workers: int = 0

    def __len__(self) -> int:
        return len(self.labelled.files)

    @property
    def classes(self) -> tuple[str, ...]:
        return self.labelled.classes

    def batches(
        self,
        batch_size: int,
        *,
        seed: int,
        epoch: int,
        augment: bool,
        drop_last: bool = False,
        skip: int = 0,
        part: Part = WHOLE,
    ) -> Iterator[Batch]:
        """One pass over the pictures, see `batches.ordered`; a target has `labels` (1,), counted from 0.

        A picture's crop depends on seed, epoch and its place only. Raises DataError for a file that can't be read.
        """
        orders = ordered(
            len(self), batch_size, seed=seed, epoch=epoch, augment=augment, drop_last=drop_last, skip=skip, part=part
        )
        largest = max((len(order.indices) for order in orders), default=0) * 3 * self.size**2
        return (as_batch(examples) for examples in self._workers.results(orders, largest))

    @cached_property
    def _workers(self) -> Workers[Order, list[Example]]:
        return Workers(partial(_examples, replace(self)), self.workers)

    def example(self, index: int, order: Order) -> Example:
        """One picture (3, S, S) with its label. Raises DataError."""
        place = self.labelled.folder / self.labelled.files[index]
        try:
            with opened(place) as image:
                rgb = as_rgb(image, orientation(image))
        except DataError as error:
            raise DataError(error.where, error.reason, REPAIR) from error
        if order.augment:
            seed = int(np.random.default_rng((order.seed, order.epoch, 1 + index)).integers(2**31))
            pixels = self._cropped(rgb, seed)
        else:
            resized = transforms.resize(_middle(rgb), [max(self.size, round(self.size * RESIZED))])
            pixels = transforms.center_crop(resized, [self.size, self.size])
        labels = np.array([self.labelled.labels[index]], dtype=np.int64)
        return np.ascontiguousarray(np.asarray(pixels).transpose(2, 0, 1)), {"labels": labels}

    def _cropped(self, rgb: Image.Image, seed: int) -> Image.Image:
        with seeded_torch(seed):  # torchvision draws from the global generator
            top, left, height, width = RandomResizedCrop.get_params(rgb, [self.crop_scale, 1.0], list(RATIO))
        cropped = transforms.resized_crop(
            rgb, top, left, height, width, [self.size, self.size], InterpolationMode.BILINEAR
        )
        mirrored = np.random.default_rng((seed, 1)).random() < FLIPPED
        return transforms.hflip(cropped) if mirrored else cropped

    def fingerprint(self) -> str:
        """A text that differs between two sets: by the names of files and classes, and files' sizes.

        The files are looked at once. One that can't be looked at, such as a broken link, has no size.
        """
        return self._digest

    @cached_property
    def _digest(self) -> str:
        found = self.labelled
        sizes = [_bytes(found.folder / file) for file in found.files]
        content = [found.classes, found.files, found.labels, sizes]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def check(self, stage: str, progress: Progress) -> None:
        """Read every picture once, in the processes that read ahead too.

        Raises DataError, which has the first of those that can't be read, with a number.
        """
        broken: list[DataError] = []
        readers = Workers(partial(_unreadable, replace(self)), self.workers)
        with progress.stage(stage, len(self)) as report:
            for found in readers.results(range(len(self)), 0):
                broken.extend(found)
                report.advance()
        if broken:
            shown = "; ".join(f"{one.where}: {one.reason}" for one in broken[:MOST_SHOWN])
            more = f"; and {len(broken) - MOST_SHOWN} more" if len(broken) > MOST_SHOWN else ""
            reason = f"{len(broken)} of {len(self)} pictures can't be read: {shown}{more}"
            raise DataError(self.labelled.folder, reason, REPAIR)

    def __getstate__(self) -> dict[str, Any]:
        """Without the processes of this one."""
        return {name: value for name, value in self.__dict__.items() if name != "_workers"}


def _examples(pictures: Pictures, order: Order) -> list[Example] | DataError | OSError:
    try:
        return [pictures.example(index, order) for index in order.indices.tolist()]
    except (DataError, OSError) as error:
        return error


def _unreadable(pictures: Pictures, index: int) -> list[DataError]:
    """What is wrong with a picture; empty where it can be read."""
    try:
        pictures.example(index, Order(np.array([index]), 0, 0, augment=False))
    except DataError as error:
        return [error]
    return []


def _middle(image: Image.Image) -> Image.Image:
    """The picture; of one whose sides differ by more than `LONGEST` times its middle, so that memory has a bound."""
    width, height = image.size
    most = LONGEST * min(image.size)
    if max(image.size) <= most:
        return image
    return transforms.center_crop(image, [min(height, most), min(width, most)])


def _bytes(file: Path) -> int | None:
    try:
        return file.stat().st_size
    except OSError:
        return None
