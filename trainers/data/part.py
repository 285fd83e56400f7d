"""A seeded part of an image set, chosen before anything is decoded."""

from dataclasses import replace

import numpy as np

from trainers.data.balanced import chosen_evenly, present_classes
from trainers.data.hold_out import position
from trainers.data.sample import DetectionData


def number_of(wanted: float, images: int) -> int:
    """How many of `images` a part has: a number of 1 or more is one of images, below 1 it is a share, rounded."""
    return min(images, int(wanted) if wanted >= 1 else max(1, round(wanted * images)))


def part_of(data: DetectionData, wanted: float, seed: int) -> DetectionData:
    """The part of `number_of(wanted, images)` images in which classes are about equally often present.

    Images come in the order of their `position` under the seed, which depends on their ids alone. So images that are
    added later displace few of those chosen, and a larger part has nearly all images of a smaller one. Their order in
    the set stays. Defects and remarks on files are those of the whole set.
    """
    order = np.argsort([position(f"{seed}/{sample.image_id}") for sample in data.samples], kind="stable")
    present = present_classes(data.samples, len(data.class_names))
    chosen = chosen_evenly(present, order, number_of(wanted, len(data.samples)))
    return replace(data, samples=tuple(data.samples[index] for index in chosen.tolist()))
