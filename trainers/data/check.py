"""Reading all of a data set, images too, to count what is in it and to list every defect."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trainers.data.decoded import Decoded, decode
from trainers.data.errors import DataError, NothingUsableError
from trainers.data.formats import Format
from trainers.data.sample import REGION, Defect
from trainers.progress import Progress

CHECKED_SIZE = 8
"""Pixels: every image is decoded whole, but only so much of it is kept until the end."""


@dataclass(frozen=True)
class Count:
    """How often a class is there: objects that count, those that are flagged, and images with one of either."""

    objects: int
    flagged: int
    images: int


@dataclass(frozen=True)
class SplitCheck:
    """What one split holds: usable images, objects by class name, ignored regions, objects of all classes, defects."""

    split: str
    images: int
    classes: dict[str, Count]
    regions: int
    total: Count
    defects: tuple[Defect, ...]


def check_split(
    form: Format,
    root: Path,
    split: str,
    class_names: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> SplitCheck:
    """Read and decode one split; what is wrong with it is in the result, and nothing is raised for it."""
    try:
        listed = form.read(root, split, class_names=class_names, on_bad_data="skip")
        decoded = decode(listed, CHECKED_SIZE, float("inf"), "skip", stage=f"images of {split}", progress=progress)
    except NothingUsableError as error:
        return SplitCheck(split, 0, {}, 0, Count(0, 0, 0), error.defects or (Defect(Path(error.where), error.reason),))
    except DataError as error:
        return SplitCheck(split, 0, {}, 0, Count(0, 0, 0), (Defect(Path(error.where), error.reason),))
    counted = {name: _count(decoded, decoded.labels == k) for k, name in enumerate(decoded.class_names, start=1)}
    regions = int((decoded.labels == REGION).sum())
    return SplitCheck(split, len(decoded), counted, regions, _count(decoded, decoded.labels != REGION), decoded.defects)


def _count(decoded: Decoded, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Count:
    image_of = np.repeat(np.arange(len(decoded)), np.diff(decoded.offsets))
    flagged = int((chosen & decoded.difficult).sum())
    return Count(int(chosen.sum()) - flagged, flagged, len(np.unique(image_of[chosen])))
