"""The supported data formats in one table: how each is read, and what is known before reading."""

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
    """Reads one split below a root; `class_names` default to the format's own. `on_bad_data` decides on errors."""

    def __call__(
        self, root: Path, split: str, /, *, class_names: Sequence[str] | None = None, on_bad_data: OnBadData = "error"
    ) -> DetectionData: ...


@dataclass(frozen=True)
class Format:
    """A data format: functions of a root folder and the name of a split.

    splits: the names of the splits in a root. places: a file for each image of a split, by image id.
    holds: what the root of such data contains. flagged: the kind of objects that are marked difficult.
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
    form = lookup(FORMATS, name, "format")
    if name != "voc":
        return form
    return replace(
        form,
        read=partial(read_voc, year=year),
        splits=partial(voc_image_sets, year=year),
        places=partial(voc_places, year=year),
    )


def own_classes(name: str, root: Path | None, split: str) -> tuple[str, ...]:
    """The class names of a format in the order of their labels.

    In COCO's layout these are the categories of the split's file; without a root, COCO's own eighty.
    """
    if name == "coco":
        return coco_classes(root, split) if root is not None else COCO_CLASSES
    return VISDRONE_CLASSES if name == "visdrone" else VOC_CLASSES


def shared_images(one: Mapping[str, Path], other: Mapping[str, Path]) -> list[str]:
    """The ids in both splits that belong to the same image: the same file, or two files of equal content."""
    return sorted(name for name in one.keys() & other.keys() if _alike(one[name], other[name]))


def _alike(one: Path, other: Path) -> bool:
    try:
        return one == other or filecmp.cmp(one, other, shallow=False)
    except (OSError, ValueError):  # a file is missing or its name is invalid: its reader reports that
        return False
