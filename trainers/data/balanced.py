"""A choice of images in which all classes are present."""

import numpy as np
from numpy.typing import NDArray

from trainers.data.decoded import Decoded


def balanced_indices(decoded: Decoded, count: int, seed: int) -> NDArray[np.int64]:
    """A seeded choice of `count` images in which the classes are about equally often present, in rising order.

    Rule: the images are shuffled; then, again and again, the class present in the fewest chosen images (ties: the
    lower label) gets the next shuffled image that has a non-difficult object of it. Classes whose images are used up
    drop out; when all classes have, the rest is filled in shuffled order. If there are no more
    than `count` images, all are returned.
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
            image = next((index for index in queues[rarest] if not taken[index]), None)
            if image is None:
                del queues[rarest]
        image = int(order[~taken[order]][0]) if image is None else image
        taken[image] = True
        tally += present[image]
    return np.flatnonzero(taken)
