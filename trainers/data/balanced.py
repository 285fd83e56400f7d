"""A choice of images in which all classes are present."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trainers.data.decoded import Decoded
from trainers.data.sample import Sample


def balanced_indices(decoded: Decoded, count: int, seed: int) -> NDArray[np.int64]:
    """A seeded choice of `count` images in which the classes are about equally often present, in rising order.

    The rule is `chosen_evenly`'s, over shuffled images. If there are no more than `count` images, all are returned.
    """
    if count < 1:
        raise ValueError(f"count is {count}, must be at least 1.")
    order = np.random.default_rng(seed).permutation(len(decoded))
    image_of = np.repeat(np.arange(len(decoded)), np.diff(decoded.offsets))
    plain = ~decoded.difficult
    present = _present(len(decoded), len(decoded.class_names), image_of[plain], decoded.labels[plain])
    return chosen_evenly(present, order, count)


def present_classes(samples: Sequence[Sample], classes: int) -> NDArray[np.bool_]:
    """(images, classes) whether an image has a non-difficult object of a class."""
    plain = [sample.labels[~sample.difficult] for sample in samples]
    image_of = np.repeat(np.arange(len(samples)), [len(labels) for labels in plain])
    return _present(len(samples), classes, image_of, np.concatenate([np.empty(0, np.int64), *plain]))


def chosen_evenly(present: NDArray[np.bool_], order: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """`count` images in which the classes are about equally often present, in rising order; all if there are no more.

    present: (images, classes). Again and again the class present in the fewest chosen images (ties: the lower label)
    gets the next image in `order` that has it. Classes whose images are used up drop out; when all classes have, the
    rest is filled in order.
    """
    if count >= len(order):
        return np.arange(len(order))
    taken = np.zeros(len(order), dtype=np.bool_)
    tally = np.zeros(present.shape[1], dtype=np.int64)
    queues = {label: iter(order[present[order, label]].tolist()) for label in range(len(tally))}
    rest = iter(order.tolist())
    for _ in range(count):
        image = None
        while image is None and queues:
            rarest = min(queues, key=lambda label: (tally[label], label))
            image = next((index for index in queues[rarest] if not taken[index]), None)
            if image is None:
                del queues[rarest]
        image = next(index for index in rest if not taken[index]) if image is None else image
        taken[image] = True
        tally += present[image]
    return np.flatnonzero(taken)


def _present(images: int, classes: int, image_of: NDArray[np.int64], labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    present = np.zeros((images, classes), dtype=np.bool_)
    present[image_of, labels - 1] = True
    return present
