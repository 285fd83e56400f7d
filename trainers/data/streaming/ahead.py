"""Batches made ahead of the step by worker processes, the same as those that are made in this process."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainers.data.batches import Batch, ImageArray, Order, as_batch, example
from trainers.data.errors import DataError
from trainers.data.sample import Target
from trainers.data.streaming.workers import Workers


@dataclass(frozen=True)
class _Packed:
    """A batch as a worker hands it over: the pixels of all images in one block, their shapes, and their objects."""

    pixels: Tensor
    shapes: list[tuple[int, ...]]
    targets: list[Target]

    @classmethod
    def of(cls, examples: list[tuple[NDArray[np.uint8], Target]]) -> "_Packed":
        pixels = torch.empty(sum(image.size for image, _ in examples), dtype=torch.uint8)
        filled, start = pixels.numpy(), 0
        for image, _ in examples:
            filled[start : start + image.size].reshape(image.shape)[:] = image
            start += image.size
        return cls(pixels, [image.shape for image, _ in examples], [target for _, target in examples])

    def examples(self) -> Iterator[tuple[NDArray[np.uint8], Target]]:
        flat, start = self.pixels.numpy(), 0
        for shape, target in zip(self.shapes, self.targets, strict=True):
            size = int(np.prod(shape))
            yield flat[start : start + size].reshape(shape), target
            start += size


class Ahead:
    """The batches of a data set, made by `workers` processes that are started with the first pass and stay."""

    def __init__(self, data: ImageArray, workers: int, largest: int) -> None:
        """largest: the bytes of the largest image."""
        self._workers: Workers[Order, _Packed] = Workers(partial(_packed, data), workers)
        self._largest = largest

    def batches(self, orders: list[Order]) -> Iterator[Batch]:
        """A batch for each order. Raises DataError as `Workers.results` does, and for a damaged cache or file."""
        images = max((len(order.indices) for order in orders), default=0)
        for packed in self._workers.results(orders, images * self._largest):
            yield as_batch(packed.examples())


def _packed(data: ImageArray, order: Order) -> "_Packed | DataError | OSError":
    try:
        return _Packed.of([example(data, index, order) for index in order.indices.tolist()])
    except (DataError, OSError) as error:
        return error
