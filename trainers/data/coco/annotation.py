"""COCO's instances file: JSON from outside, so everything in it is checked and nothing in it is trusted."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainers.data.coco.categories import class_names, groups_of_others, parse_categories
from trainers.data.coco.images import ImageId, image_id
from trainers.data.coco.numbers import whole
from trainers.data.errors import DataError, show

Annotations = Sequence[Mapping[str, Any]]
"""Unchecked annotations."""


@dataclass(frozen=True)
class Instances:
    """A parsed file, its entries still unchecked.

    categories: class names by category id, in the order of ids. groups: the names of the categories that only group
    others and own no object, which are no classes. objects: annotations by the id of their image. stray: what is wrong
    with annotations that belong to no image.
    """

    categories: Mapping[int, str]
    groups: Sequence[str]
    images: Sequence[object]
    objects: Mapping[ImageId, Annotations]
    stray: Sequence[str]


def parse_instances(text: bytes, path: Path) -> Instances:
    """Parse a file and sort its annotations by image; `path` is only named in errors.

    A file without annotations is one of images without objects. Raises DataError, and nothing else, for text that
    isn't JSON, and for invalid lists or categories.
    """
    try:
        content = json.loads(text, object_hook=_without_mask)
    except (ValueError, RecursionError) as error:
        raise DataError(path, f"broken JSON ({str(error)[:100]})", "Repair it") from error
    if not isinstance(content, dict):
        raise DataError(path, f"holds {show(content)}, an instances file is a mapping", "Repair it")
    images, categories = (_list(content.get(name), name, path) for name in ("images", "categories"))
    annotations = content.get("annotations")
    annotations = [] if annotations is None else _list(annotations, "annotations", path)
    known = {image_id(entry.get("id")) for entry in images if isinstance(entry, dict)} - {None}
    objects: dict[ImageId, list[Mapping[str, Any]]] = {}
    stray: list[str] = []
    for number, entry in enumerate(annotations, start=1):
        if not isinstance(entry, dict):
            stray.append(f"annotation {number} is {show(entry)}, must be a mapping")
        elif (image := image_id(entry.get("image_id"))) is None or image not in known:
            stray.append(f"annotation {number} is of the image {show(entry.get('image_id'))}, which isn't in the file")
        else:
            objects.setdefault(image, []).append(entry)
    classes, groups = _classes(categories, annotations, path)
    return Instances(classes, groups, images, objects, stray)


def _classes(entries: Sequence[object], annotations: Sequence[object], path: Path) -> tuple[dict[int, str], list[str]]:
    """The class names by category id, and the names of the groups that own no object."""
    categories = parse_categories(entries, path)
    empty = groups_of_others(categories)
    if empty:
        empty -= {whole(entry.get("category_id")) for entry in annotations if isinstance(entry, dict)}
    groups = [category.name for category in categories if category.id in empty]
    return class_names([category for category in categories if category.id not in empty], path), groups


def _list(value: object, name: str, path: Path) -> list[Any]:
    if not isinstance(value, list):
        raise DataError(path, f"{name} is {show(value)}, must be a list", "Repair it")
    return value


def _without_mask(entry: dict[str, Any]) -> dict[str, Any]:
    """Drop the masks: they are most of such a file, and nothing here needs them."""
    entry.pop("segmentation", None)
    return entry
