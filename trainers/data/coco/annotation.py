"""COCO's instances file: JSON from outside, so everything in it is checked and nothing in it is trusted."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from trainers.data.errors import DataError, show, show_number
from trainers.data.findings import Findings
from trainers.data.sample import EDGE
from trainers.data.voc.annotation import NAME_ALL_CLASSES

LARGEST = 10**9
"""The largest side and coordinate allowed, in pixels; a float holds such numbers exactly."""


@dataclass(frozen=True)
class Instances:
    """A parsed file, its entries still unchecked.

    categories: name by id, in the order of ids. objects: annotations by the id of their image. stray: what is wrong
    with annotations that belong to no image.
    """

    categories: Mapping[int, str]
    images: Sequence[object]
    objects: Mapping[int, Sequence[Mapping[str, Any]]]
    stray: Sequence[str]


@dataclass(frozen=True)
class ImageEntry:
    """The checked entry of an image; its name is a `plain_name`."""

    id: int
    file_name: str
    width: int
    height: int


@dataclass(frozen=True, eq=False)
class Objects:
    """The objects of an image, as in `Sample`; `crowd` (n,) bool."""

    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    crowd: NDArray[np.bool_]


def parse_instances(text: bytes, path: Path) -> Instances:
    """Parse a file and sort its annotations by image; `path` is only named in errors.

    Raises DataError, and nothing else, for text that isn't JSON, and for invalid lists or categories.
    """
    try:
        content = json.loads(text, object_hook=_without_mask)
    except (ValueError, RecursionError) as error:
        raise DataError(path, f"broken JSON ({str(error)[:100]})", "Repair it") from error
    if not isinstance(content, dict):
        raise DataError(path, f"holds {show(content)}, an instances file is a mapping", "Repair it")
    images, annotations = (_list(content, name, path) for name in ("images", "annotations"))
    known = {entry["id"] for entry in images if isinstance(entry, dict) and _is_whole(entry.get("id"))}
    objects: dict[int, list[Mapping[str, Any]]] = {}
    stray: list[str] = []
    for number, entry in enumerate(annotations, start=1):
        if not isinstance(entry, dict):
            stray.append(f"annotation {number} is {show(entry)}, must be a mapping")
        elif not _is_whole(entry.get("image_id")) or entry["image_id"] not in known:
            stray.append(f"annotation {number} is of the image {show(entry.get('image_id'))}, which isn't in the file")
        else:
            objects.setdefault(entry["image_id"], []).append(entry)
    return Instances(_categories(content, path), images, objects, stray)


def parse_image(entry: object, path: Path) -> ImageEntry:
    """Check the entry of an image. Raises DataError."""
    if not isinstance(entry, dict) or not _is_whole(entry.get("id")):
        raise DataError(path, f"an image is {show(entry)}, must be a mapping with a whole number as its id")
    name = entry.get("file_name")
    if not isinstance(name, str) or not name:
        raise DataError(path, f"the file_name of image {entry['id']} is {show(name)}, must be a name")
    for side in ("width", "height"):
        if not _is_whole(entry.get(side)) or not 1 <= entry[side] <= LARGEST:
            value = show(entry.get(side))
            raise DataError(path, f"the {side} of image {entry['id']} is {value}, must be a whole number of at least 1")
    return ImageEntry(entry["id"], plain_name(name), entry["width"], entry["height"])


def plain_name(file_name: str) -> str:
    """One name for one file: `./a.jpg` and `a.jpg` are the same."""
    return str(PurePosixPath(file_name))


def ids_and_names(images: Sequence[object]) -> tuple[Counter[int], Counter[str]]:
    """How often each id and each file name occurs; entries with other defects count, too."""
    entries = [entry for entry in images if isinstance(entry, dict)]
    ids = Counter(entry["id"] for entry in entries if _is_whole(entry.get("id")))
    names = Counter(plain_name(entry["file_name"]) for entry in entries if isinstance(entry.get("file_name"), str))
    return ids, names


def parse_objects(
    annotations: Sequence[Mapping[str, Any]],
    image: ImageEntry,
    categories: Mapping[int, str],
    labels: Mapping[str, int],
    path: Path,
) -> Objects:
    """Check the annotations of an image; `labels` maps the known class names to 1..C.

    Raises DataError for all bad ones at once.
    """
    where = f"of image {image.id} ({show(image.file_name)})"
    boxes, classes, crowd = [], [], []
    findings = Findings()
    for number, entry in enumerate(annotations, start=1):
        what = f"object {number} {where}"
        with findings:
            classes.append(_label(entry.get("category_id"), what, categories, labels, path))
        with findings:
            boxes.append(_box(entry.get("bbox"), what, image, path))
        with findings:
            crowd.append(_flag(entry.get("iscrowd", 0), what, path))
    findings.raise_any()
    return Objects(
        boxes=np.array(boxes, dtype=np.float32).reshape(-1, 4),
        labels=np.array(classes, dtype=np.int64),
        crowd=np.array(crowd, dtype=np.bool_),
    )


def _label(category: object, what: str, categories: Mapping[int, str], labels: Mapping[str, int], path: Path) -> int:
    if not _is_whole(category) or category not in categories:
        raise DataError(path, f"{what} is of the category {show(category)}, which isn't in the file")
    name = categories[category]
    if name not in labels:
        known = ", ".join(labels)
        raise DataError(path, f"{what} is of the unknown class {show(name)}; known: {known}", NAME_ALL_CLASSES)
    return labels[name]


def _box(bbox: object, what: str, image: ImageEntry, path: Path) -> NDArray[np.float32]:
    """Corners from COCO's left, top, width, height."""
    if not isinstance(bbox, list) or len(bbox) != 4 or not all(_is_number(value) for value in bbox):
        raise DataError(path, f"the bbox of {what} is {show(bbox)}, must be four finite numbers")
    x, y, width, height = bbox
    size = f"{show_number(width)} wide and {show_number(height)} high"
    if width <= 0 or height <= 0:
        raise DataError(path, f"the box of {what} has no area: it is {size}")
    limits = np.array([image.width, image.height] * 2)
    corners = np.array([x, y, x + width, y + height])
    if (corners < -EDGE).any() or (corners > limits + EDGE).any():
        x1, y1, x2, y2 = (show_number(value) for value in corners.tolist())
        reason = f"is outside its image of {image.width} x {image.height}: x from {x1} to {x2} and y from {y1} to {y2}"
        allowed = f"x from {-EDGE} to {image.width + EDGE} and y from {-EDGE} to {image.height + EDGE}"
        raise DataError(path, f"the box of {what} {reason}, allowed is {allowed}")
    box: NDArray[np.float32] = corners.clip(0, limits).astype(np.float32)
    if (box[:2] >= box[2:]).any():
        place = f"{show_number(x)}, {show_number(y)}"
        raise DataError(path, f"the box of {what} has no area within its image: it is {size} at {place}")
    return box


def _flag(value: object, what: str, path: Path) -> bool:
    if not _is_whole(value) or value not in (0, 1):
        raise DataError(path, f"iscrowd of {what} is {show(value)}, must be 0 or 1")
    return value == 1


def _categories(content: Mapping[str, Any], path: Path) -> dict[int, str]:
    categories: dict[int, str] = {}
    for entry in _list(content, "categories", path):
        number, name = (entry.get("id"), entry.get("name")) if isinstance(entry, dict) else (None, None)
        if not _is_whole(number) or not isinstance(name, str) or not name.isprintable() or not name:
            reason = f"a category is {show(entry)}, must have a whole number as its id and a name"
            raise DataError(path, reason, "Repair it")
        if number in categories or name in categories.values():
            raise DataError(path, f"the category {number}, {show(name)}, is there twice", "Repair it")
        categories[number] = name
    return dict(sorted(categories.items()))


def _list(content: Mapping[str, Any], name: str, path: Path) -> list[Any]:
    value = content.get(name)
    if not isinstance(value, list):
        raise DataError(path, f"{name} is {show(value)}, must be a list", "Repair it")
    return value


def _without_mask(entry: dict[str, Any]) -> dict[str, Any]:
    """Drop the masks: they are most of such a file, and nothing here needs them."""
    entry.pop("segmentation", None)
    return entry


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -LARGEST <= value <= LARGEST
