"""Batches in torchvision's detection format, reproducible from a seed and an epoch."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainers.data.sample import Target
from trainers.data.transforms import augment as augment_image

Part = tuple[int, int]
"""Which part of each batch a process takes, counted from 0, and of how many equal parts."""
WHOLE: Part = (0, 1)

Batch = tuple[list[Tensor], list[dict[str, Tensor]]]


class TrainingData(Protocol):
    """What a training reads: batches of images. Their order and augmentation depend only on seed and epoch."""

    def __len__(self) -> int:
        """The number of images."""

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
        """One pass over the images, without its first `skip` batches, and of each batch `part` alone, see `batches`."""

    def fingerprint(self) -> str:
        """A text that differs between two data sets."""


class ImageArray(Protocol):
    """Images in memory, with their objects."""

    @property
    def images(self) -> NDArray[np.uint8]:
        """(N, 3, S, S)."""

    def __len__(self) -> int: ...

    def training_target(self, index: int) -> Target:
        """The objects of one image that a detector should learn."""


def batches(
    decoded: ImageArray,
    batch_size: int,
    *,
    seed: int,
    epoch: int,
    augment: bool,
    drop_last: bool = False,
    skip: int = 0,
    part: Part = WHOLE,
) -> Iterator[Batch]:
    """One pass over the images: lists of images (3, S, S) float32 in 0..1 and of targets, after `skip` batches.

    Targets are the objects to learn, without crowds and ignored regions. They hold boxes (n, 4) float32, labels (n,)
    int64 and difficult (n,) bool, with n = 0 for an image without objects. With `augment` the order is shuffled and
    each image augmented, which depends on seed, epoch and the image's place in `decoded` only, never on the batch size;
    without it the order is that of `decoded`. Nothing is shared with `decoded`. With `part` other images of a batch are
    passed over without being read: all parts together are the batch.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}, must be at least 1.")
    if seed < 0 or epoch < 0:
        raise ValueError(f"seed is {seed} and epoch is {epoch}, neither may be negative.")
    count = len(decoded)
    order = np.random.default_rng((seed, epoch)).permutation(count) if augment else np.arange(count)
    starts = range(skip * batch_size, count - batch_size + 1 if drop_last else count, batch_size)
    chosen = (part_of(order[start : start + batch_size].tolist(), part) for start in starts)
    return (_batch(decoded, indices, (seed, epoch) if augment else None) for indices in chosen)


def part_of(indices: list[int], part: Part) -> list[int]:
    """A process's part of a batch."""
    number, count = part
    return indices[number * len(indices) // count : (number + 1) * len(indices) // count]


def _batch(decoded: ImageArray, indices: list[int], seeds: tuple[int, int] | None) -> Batch:
    """These images, augmented by seed and epoch where they are given."""
    images, targets = [], []
    for index in indices:
        image, target = decoded.images[index], decoded.training_target(index)
        if seeds is not None:
            image, target = augment_image(image, target, np.random.default_rng((*seeds, 1 + index)))
        images.append(as_input(image))
        targets.append(_tensors(target))
    return images, targets


def as_input(image: NDArray[np.uint8]) -> Tensor:
    """The image (3, H, W) as detectors take it: float32 in 0..1."""
    return torch.from_numpy(np.divide(image, 255, dtype=np.float32))


def _tensors(target: Target) -> dict[str, Tensor]:
    return {name: torch.from_numpy(value.copy()) for name, value in target.items()}
