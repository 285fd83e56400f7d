"""A batch in several parts that go through the network one after another: a step needs the memory of one part.

The gradient is the mean of the parts' gradients. It is that of the whole batch where losses are means over images; a
loss that is divided by a count, such as that of positives, is divided by its part's. A BatchNorm in training normalises
each part by the part's own statistics.
"""

from collections.abc import Iterator

from trainers.data.batches import Batch


def parts_of(batch: Batch, count: int) -> Iterator[Batch]:
    """The batch in `count` equal parts, in its order. Raises ValueError if it can't be split so."""
    images, targets = batch
    if len(images) % count:
        raise ValueError(f"A batch of {len(images)} images can't be split into {count} equal parts.")
    size = len(images) // count
    for number in range(count):
        part = slice(number * size, (number + 1) * size)
        yield images[part], targets[part]
