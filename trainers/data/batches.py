"""Batches in torchvision's detection format, reproducible from a seed and an epoch."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainers.data.decoded import Decoded, Target
from trainers.data.transforms import augment as augment_image

Batch = tuple[list[Tensor], list[dict[str, Tensor]]]


def batches(
    decoded: Decoded,
    batch_size: int,
    *,
    seed: int,
    epoch: int,
    augment: bool,
    drop_last: bool = False,
    skip: int = 0,
) -> Iterator[Batch]:
    """One pass over the images: lists of images (3, S, S) float32 in 0..1 and of targets; without its first `skip`.

    Targets are what is to be learnt, so without crowds and ignored regions. They hold boxes (n, 4) float32, labels (n,)
    int64 and difficult (n,) bool, with n = 0 where nothing is in the image. With `augment` the order is shuffled and
    each image augmented, which depends on seed, epoch and the image's place in `decoded` only, never on the batch size;
    without it the order is that of `decoded`. Nothing is shared with `decoded`.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}, must be at least 1.")
    if seed < 0 or epoch < 0:
        raise ValueError(f"seed is {seed} and epoch is {epoch}, neither may be negative.")
    return _batches(decoded, batch_size, seed, epoch, augment, drop_last, skip)


def _batches(
    decoded: Decoded, batch_size: int, seed: int, epoch: int, augment: bool, drop_last: bool, skip: int
) -> Iterator[Batch]:
    count = len(decoded)
    order = np.random.default_rng((seed, epoch)).permutation(count) if augment else np.arange(count)
    for start in range(skip * batch_size, count - batch_size + 1 if drop_last else count, batch_size):
        images, targets = [], []
        for index in order[start : start + batch_size].tolist():
            image, target = decoded.images[index], decoded.training_target(index)
            if augment:
                image, target = augment_image(image, target, np.random.default_rng((seed, epoch, 1 + index)))
            images.append(torch.from_numpy(np.divide(image, 255, dtype=np.float32)))
            targets.append(_tensors(target))
        yield images, targets


def _tensors(target: Target) -> dict[str, Tensor]:
    return {name: torch.from_numpy(value.copy()) for name, value in target.items()}


def balanced_indices(decoded: Decoded, count: int, seed: int) -> NDArray[np.int64]:
    """A seeded choice of `count` images in which the classes are about equally often present, in rising order.

    Rule: the images are shuffled; then, again and again, the class present in the fewest chosen images (ties: the
    lower label) gets the next shuffled image that has a non-difficult object of it. Classes whose images are used up
    drop out; when all have, the rest is filled in shuffled order. All images are returned if `count` is no fewer.
    """
    if count < 1:
        raise ValueError(f"count is {count}, must be at least 1.")
    order = np.random.default_rng(seed).permutation(len(decoded))
    if count >= len(decoded):
        return np.arange(len(decoded))
    present = np.zeros((len(decoded), len(decoded.class_names)), dtype=np.bool_)
    image_of = np.repeat(np.arange(len(decoded)), np.diff(decoded.offsets))
    plain = ~decoded.difficult
    present[image_of[plain], decoded.labels[plain] - 1] = True
    taken = np.zeros(len(decoded), dtype=np.bool_)
    tally = np.zeros(len(decoded.class_names), dtype=np.int64)
    queues = {label: iter(order[present[order, label]].tolist()) for label in range(len(tally))}
    for _ in range(count):
        image = None
        while image is None and queues:
            rarest = min(queues, key=lambda label: (tally[label], label))
            image = next((one for one in queues[rarest] if not taken[one]), None)
            if image is None:
                del queues[rarest]
        image = int(order[~taken[order]][0]) if image is None else image
        taken[image] = True
        tally += present[image]
    return np.flatnonzero(taken)
