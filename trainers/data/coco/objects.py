"""The objects of one image in an instances file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.data.boxes import ROUNDING, SLACK, clipped, reach
from trainers.data.coco.images import ImageEntry
from trainers.data.coco.numbers import flag, number, whole
from trainers.data.errors import DataError, show, show_number
from trainers.data.findings import Findings
from trainers.data.voc.annotation import NAME_ALL_CLASSES

_NUMBERS = {int, float}
_USUAL_SIDE, _USUAL_BOX = 10_000, 1
"""The largest image and the smallest box that need no closer look: float32 tells the box's edges apart."""


@dataclass(frozen=True, eq=False)
class Objects:
    """The objects of an image, as in `Sample`.

    crowd: (n,) bool. clipped: how many boxes reached more than half a pixel beyond the image.
    """

    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    crowd: NDArray[np.bool_]
    clipped: int


def parse_objects(
    annotations: Sequence[Mapping[str, Any]],
    image: ImageEntry,
    categories: Mapping[int, str],
    labels: Mapping[str, int],
    path: Path,
) -> Objects:
    """Check the annotations of an image of known size; `labels` maps the known class names to 1..C.

    Raises DataError for all bad ones at once.
    """
    boxes: list[Sequence[float] | NDArray[np.float32]] = []
    classes: list[int] = []
    crowd: list[bool] = []
    beyond = 0
    findings = Findings()
    for position, entry in enumerate(annotations, start=1):
        if (usual := _usual(entry, image, categories, labels)) is not None:
            boxes.append(usual[0])
            classes.append(usual[1])
            crowd.append(usual[2])
            continue
        what = f"object {position} of image {show(image.id)} ({show(image.file_name)})"
        with findings:
            classes.append(_label(entry.get("category_id"), what, categories, labels, path))
        with findings:
            box, by = _box(entry.get("bbox"), what, image, path)
            boxes.append(box)
            beyond += by > ROUNDING
        with findings:
            crowd.append(_crowd(entry.get("iscrowd"), what, path))
    findings.raise_any()
    return Objects(
        boxes=np.array(boxes, dtype=np.float32).reshape(-1, 4),
        labels=np.array(classes, dtype=np.int64),
        crowd=np.array(crowd, dtype=np.bool_),
        clipped=beyond,
    )


def _usual(
    entry: Mapping[str, Any], image: ImageEntry, categories: Mapping[int, str], labels: Mapping[str, int]
) -> tuple[list[float], int, bool] | None:
    """The corners, label and crowd flag of an annotation as nearly all are: plain numbers, a box well inside its image.

    None for any other, right or wrong. It takes a tenth of the time of the checks that can say what is wrong, of which
    a file may need a million.
    """
    bbox, category, crowd = entry.get("bbox"), entry.get("category_id"), entry.get("iscrowd")
    if type(bbox) is not list or len(bbox) != 4 or type(category) is not int or crowd not in (0, 1, None):
        return None
    x, y, width, height = bbox
    if {type(x), type(y), type(width), type(height)} - _NUMBERS:
        return None
    right, bottom = x + width, y + height
    inside = x >= 0 and y >= 0 and right <= image.width <= _USUAL_SIDE and bottom <= image.height <= _USUAL_SIDE
    label = labels.get(categories.get(category, ""))
    if not inside or min(width, height) < _USUAL_BOX or label is None:  # NaN is not inside
        return None
    return [x, y, right, bottom], label, bool(crowd)


def _label(category: object, what: str, categories: Mapping[int, str], labels: Mapping[str, int], path: Path) -> int:
    key = whole(category)
    if key is None or key not in categories:
        raise DataError(path, f"{what} is of the category {show(category)}, which isn't in the file")
    name = categories[key]
    if name not in labels:
        known = ", ".join(labels)
        raise DataError(path, f"{what} is of the unknown class {show(name)}; known: {known}", NAME_ALL_CLASSES)
    return labels[name]


def _box(bbox: object, what: str, image: ImageEntry, path: Path) -> tuple[NDArray[np.float32], float]:
    """Corners within the image, from COCO's left, top, width, height, and by how many pixels they reached beyond it."""
    values = [number(value) for value in bbox] if isinstance(bbox, list) and len(bbox) == 4 else []
    x, y, width, height = values if values else (None,) * 4
    if x is None or y is None or width is None or height is None:
        raise DataError(path, f"the bbox of {what} is {show(bbox)}, must be four finite numbers")
    size = f"{show_number(width)} wide and {show_number(height)} high"
    if width <= 0 or height <= 0:
        raise DataError(path, f"the box of {what} has no area: it is {size}")
    corners = np.array([x, y, x + width, y + height], dtype=np.float64)
    if corners.max() <= 1 and corners.min() >= 0 and max(width, height) < 1:
        raise DataError(path, f"the bbox of {what} is {show(bbox)}, must be pixels, not shares of the image")
    beyond = reach(corners.round(6), image.width, image.height)  # 1.1 + 8.9 may be wrong in its last digit
    if beyond > SLACK:
        x1, y1, x2, y2 = (show_number(value) for value in corners.tolist())
        reason = f"is outside its image of {image.width} x {image.height}: x from {x1} to {x2} and y from {y1} to {y2}"
        right, bottom = (show_number(side + SLACK) for side in (image.width, image.height))
        allowed = f"x from {-SLACK:g} to {right} and y from {-SLACK:g} to {bottom}"
        raise DataError(path, f"the box of {what} {reason}, allowed is {allowed}")
    box = clipped(corners, image.width, image.height)
    if (box[:2] >= box[2:]).any():
        place = f"{show_number(x)}, {show_number(y)}"
        raise DataError(path, f"the box of {what} has no area within its image: it is {size} at {place}")
    return box, beyond


def _crowd(value: object, what: str, path: Path) -> bool:
    crowd = flag(value)
    if crowd is None:
        raise DataError(path, f"iscrowd of {what} is {show(value)}, must be 0 or 1")
    return crowd
