"""Reads a whole data set, with its images, to count its objects and to list every defect."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trainers.data.decoded import Decoded
from trainers.data.decoding import Memory, decode
from trainers.data.errors import DataError, NothingUsableError
from trainers.data.image_sets import ImageSets
from trainers.data.remarks import Remark
from trainers.data.sample import REGION, Defect
from trainers.progress import Progress

CHECKED_SIZE = 8
"""The side in pixels to which images are reduced after they are decoded: the check needs little memory."""


@dataclass(frozen=True)
class Count:
    """How often a class occurs: objects that count, flagged objects, and images that have at least one of either."""

    objects: int
    flagged: int
    images: int


@dataclass(frozen=True)
class SplitCheck:
    """What one split holds: usable images, objects by class name, ignored regions, objects of all classes.

    defects: why images were left out. remarks: what was accepted although it isn't as the format says.
    """

    split: str
    images: int
    classes: dict[str, Count]
    regions: int
    total: Count
    defects: tuple[Defect, ...]
    remarks: tuple[Remark, ...] = ()


def check_split(
    sets: ImageSets,
    split: str,
    class_names: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> SplitCheck:
    """Read and decode one split; defects are in the result and raise nothing."""
    try:
        listed = sets.read(split, class_names=class_names, on_bad_data="skip")
        decoded = decode(
            listed, CHECKED_SIZE, Memory(float("inf")), "skip", stage=f"images of {split}", progress=progress
        )
    except DataError as error:
        defects = error.defects if isinstance(error, NothingUsableError) else ()
        return SplitCheck(split, 0, {}, 0, Count(0, 0, 0), defects or (Defect(Path(error.where), error.reason),))
    counted = {name: _count(decoded, decoded.labels == k) for k, name in enumerate(decoded.class_names, start=1)}
    regions = int((decoded.labels == REGION).sum())
    total = _count(decoded, decoded.labels != REGION)
    return SplitCheck(split, len(decoded), counted, regions, total, decoded.defects, decoded.remarks)


def _count(decoded: Decoded, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Count:
    image_of = np.repeat(np.arange(len(decoded)), np.diff(decoded.offsets))
    flagged = int((chosen & decoded.difficult).sum())
    return Count(int(chosen.sum()) - flagged, flagged, len(np.unique(image_of[chosen])))
