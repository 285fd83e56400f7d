"""The formats that data can have, in one visible table: how each is read, and what is known before it is."""

import filecmp
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from spaces.lookup import lookup
from trainers.data.coco import coco_classes, coco_places, coco_splits, read_coco
from trainers.data.coco_classes import COCO_CLASSES
from trainers.data.errors import OnBadData
from trainers.data.sample import DetectionData
from trainers.data.visdrone import VISDRONE_CLASSES, read_visdrone, visdrone_places, visdrone_splits
from trainers.data.voc import VOC_CLASSES, read_voc, voc_image_sets, voc_places


class Reader(Protocol):
    """Reads one split below a root; without `class_names` the format's own. Raises DataError as `on_bad_data` says."""

    def __call__(
        self, root: Path, split: str, /, *, class_names: Sequence[str] | None = None, on_bad_data: OnBadData = "error"
    ) -> DetectionData: ...


@dataclass(frozen=True)
class Format:
    """What is done with data of one format, each time below a root and by the name of a split.

    splits: the names of those there. places: the images of a split by id, each with a file that is its own.
    `holds` is what the root of such data holds, `flagged` what its objects marked difficult are.
    """

    read: Reader
    splits: Callable[[Path], list[str]]
    places: Callable[[Path, str], dict[str, Path]]
    holds: str
    flagged: str


FORMATS: Mapping[str, Format] = {
    "voc": Format(read_voc, voc_image_sets, voc_places, "VOCdevkit", "difficult"),
    "coco": Format(read_coco, coco_splits, coco_places, "annotations/instances_*.json", "crowds"),
    "visdrone": Format(read_visdrone, visdrone_splits, visdrone_places, "VisDrone2019-DET-train", "to be ignored"),
}


def data_format(name: str, year: str = "2007") -> Format:
    """The format of that name; `year`, or years as in "2007+2012", is VOC's. Raises ValueError for an unknown name."""
    found = lookup(FORMATS, name, "format")
    if name != "voc":
        return found
    return replace(
        found,
        read=partial(read_voc, year=year),
        splits=partial(voc_image_sets, year=year),
        places=partial(voc_places, year=year),
    )


def own_classes(name: str, root: Path | None, split: str) -> tuple[str, ...]:
    """The class names of a format in the order of their labels.

    Those of COCO's layout are the categories of the split's file; where no root is named, COCO's own eighty.
    """
    if name == "coco":
        return coco_classes(root, split) if root is not None else COCO_CLASSES
    return VISDRONE_CLASSES if name == "visdrone" else VOC_CLASSES


def shared_images(one: Mapping[str, Path], other: Mapping[str, Path]) -> list[str]:
    """The ids in both splits that mean one image: the same file, or two of the same content."""
    return sorted(name for name in one.keys() & other.keys() if _alike(one[name], other[name]))


def _alike(one: Path, other: Path) -> bool:
    try:
        return one == other or filecmp.cmp(one, other, shallow=False)
    except (OSError, ValueError):  # one is missing, or its name is none, which its reader will say
        return False
