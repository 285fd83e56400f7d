"""Batches in torchvision's detection format, reproducible from a seed and an epoch."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainers.data.augmentation import Augmentation
from trainers.data.sample import Target

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
        """One pass over the images, without its first `skip` batches, and of each batch `part` alone: see `ordered`."""

    def fingerprint(self) -> str:
        """A text that differs between two data sets."""


class Images(Protocol):
    """Images in a fixed order: an array (N, 3, S, S), images of their own shapes, or what reads them from a disk."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> NDArray[np.uint8]:
        """(3, H, W), never to be written to."""


class ImageArray(Protocol):
    """Images with their objects."""

    @property
    def images(self) -> Images:
        """All of them."""

    @property
    def upright(self) -> NDArray[np.bool_] | None:
        """(N,) which images are higher than wide; None where all have one shape."""

    @property
    def augmentation(self) -> Augmentation:
        """What a training does to them."""

    def __len__(self) -> int: ...

    def training_target(self, index: int) -> Target:
        """The objects of one image that a detector should learn."""


@dataclass(frozen=True)
class Order:
    """What one batch is made of: the places of its images, and what decides their augmentation."""

    indices: NDArray[np.int64]
    seed: int
    epoch: int
    augment: bool


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
    """One pass over the images, as `ordered` says. Nothing is shared with `decoded`."""
    asked: dict[str, Any] = {"seed": seed, "epoch": epoch, "augment": augment, "drop_last": drop_last, "skip": skip}
    orders = ordered(len(decoded), batch_size, **asked, part=part, upright=decoded.upright)
    return (as_batch(example(decoded, index, order) for index in order.indices.tolist()) for order in orders)


def ordered(
    images: int,
    batch_size: int,
    *,
    seed: int,
    epoch: int,
    augment: bool,
    drop_last: bool = False,
    skip: int = 0,
    part: Part = WHOLE,
    upright: NDArray[np.bool_] | None = None,
) -> list[Order]:
    """The batches of one pass over that many images, after `skip` batches.

    With `augment` the order is shuffled and each image augmented, which depends on seed, epoch and the image's place
    only, never on the batch size or on who makes the batch; without it images come in their order. With `part` other
    images of a batch are passed over without being read: all parts together are the batch. upright (images,): with
    `augment` a batch has images of one kind alone as long as there are enough, so that less is padded.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}, must be at least 1.")
    if seed < 0 or epoch < 0:
        raise ValueError(f"seed is {seed} and epoch is {epoch}, neither may be negative.")
    order = np.random.default_rng((seed, epoch)).permutation(images) if augment else np.arange(images)
    if augment and upright is not None:
        order = grouped(order, upright, batch_size)
    starts = range(skip * batch_size, images - batch_size + 1 if drop_last else images, batch_size)
    return [Order(part_of(order[start : start + batch_size], part), seed, epoch, augment) for start in starts]


def grouped(order: NDArray[np.int64], kinds: NDArray[np.bool_], batch_size: int) -> NDArray[np.int64]:
    """The images of `order` so that each batch has one kind alone, batches in the order in which they become full.

    kinds (N,), by image. What is left of both kinds comes last.
    """
    parts = [order[kinds[order] == kind] for kind in (False, True)]
    full = [part[: len(part) // batch_size * batch_size].reshape(-1, batch_size) for part in parts]
    place = np.argsort(order)  # of each image in the order
    batches_ = np.concatenate(full)
    first = np.argsort(place[batches_[:, -1]]) if len(batches_) else np.empty(0, np.int64)
    rest = np.concatenate([part[batches.size :] for part, batches in zip(parts, full, strict=True)])
    return np.concatenate([batches_[first].reshape(-1), rest])


def part_of(indices: NDArray[np.int64], part: Part) -> NDArray[np.int64]:
    """A process's part of a batch."""
    number, count = part
    return indices[number * len(indices) // count : (number + 1) * len(indices) // count]


def example(decoded: ImageArray, index: int, order: Order) -> tuple[NDArray[np.uint8], Target]:
    """One image (3, H, W) with the objects to learn, without crowds and ignored regions."""
    image, target = decoded.images[index], decoded.training_target(index)
    if not order.augment:
        return image, target
    return decoded.augmentation.of(image, target, np.random.default_rng((order.seed, order.epoch, 1 + index)))


def as_batch(examples: Iterable[tuple[NDArray[np.uint8], Target]]) -> Batch:
    """Lists of images (3, H, W) float32 in 0..1 and of targets: boxes (n, 4) float32, labels (n,) int64 and difficult
    (n,) bool, with n = 0 for an image without objects. Nothing is shared with the examples."""
    images, targets = [], []
    for image, target in examples:
        images.append(as_input(image))
        targets.append(_tensors(target))
    return images, targets


def as_input(image: NDArray[np.uint8]) -> Tensor:
    """The image (3, H, W) as detectors take it: float32 in 0..1."""
    return torch.from_numpy(np.divide(image, 255, dtype=np.float32))


def _tensors(target: Target) -> dict[str, Tensor]:
    return {name: torch.from_numpy(value.copy()) for name, value in target.items()}
