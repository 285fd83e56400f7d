"""One label file of YOLO: text from outside, so everything in it is checked."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainers.data.boxes import ROUNDING, SLACK, clipped, reach
from trainers.data.errors import DataError, show, show_number
from trainers.data.findings import Findings
from trainers.data.remarks import CLIPPED, REPEATED, Remark
from trainers.data.yolo.text import text_of

_BOX = ("x centre", "y centre", "width", "height")
_COLUMNS = f"class, {', '.join(_BOX)}"
# As many digits as anybody writes; no nan, no inf, no digits of other scripts.
_NUMBER = re.compile(r"[+-]?([0-9]{1,9}(\.[0-9]{0,40})?|\.[0-9]{1,40})([eE][+-]?[0-9]{1,2})?", re.ASCII)
_CLASS = re.compile(r"([0-9]{1,9})(\.0*)?", re.ASCII)  # some tools write every column as a float


@dataclass(frozen=True)
class ClassIds:
    """What the first column of a label file means: the class names by id, and their labels 1..C by name."""

    names: Sequence[str]
    labels: Mapping[str, int]


@dataclass(frozen=True, eq=False)
class Objects:
    """The objects of one image: boxes and labels as in `Sample`."""

    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    remarks: tuple[Remark, ...]


def parse_labels(text: bytes, path: Path, size: tuple[int, int], ids: ClassIds, keypoints: int = 0) -> Objects:
    """Read the label file of an image of that size (width, height); `path` is only named in errors and remarks.

    A line has five columns, a class and a box in shares of the image's size, or a class and the corners of a polygon,
    three or more, whose bounding box is taken. keypoints: how many columns of keypoints follow a box, where the data
    have them; they aren't read.

    Raises DataError, and nothing else, for all bad lines at once. A line that occurs twice is one object. A box that
    reaches up to `SLACK` pixels beyond its image is clipped.
    """
    try:
        lines = text_of(text).splitlines()
    except UnicodeDecodeError as error:
        raise DataError(path, f"the label file is no plain text ({error.reason} at byte {error.start})") from error
    objects: dict[tuple[float, ...], NDArray[np.float64]] = {}
    labels, findings, repeated, beyond = [], Findings(), 0, 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        with findings:
            label, values = _columns(line.split(), f"line {number}", path, ids, keypoints)
            if (label, *values) in objects:
                repeated += 1
                continue
            corners = _corners(values, size)
            beyond += _check_box(corners, values, f"line {number}", path, size)
            objects[label, *values] = corners
            labels.append(label)
    findings.raise_any()
    boxes = np.array([clipped(corners, *size) for corners in objects.values()], dtype=np.float32).reshape(-1, 4)
    counts = {CLIPPED: beyond, REPEATED: repeated}
    remarks = tuple(Remark(kind, count, path) for kind, count in counts.items() if count)
    return Objects(boxes, np.array(labels, dtype=np.int64), remarks)


def _columns(texts: Sequence[str], where: str, path: Path, ids: ClassIds, keypoints: int) -> tuple[int, list[float]]:
    """The label of an object, and the numbers of its box (4) or polygon (6, 8, ...)."""
    count = len(texts)
    if keypoints:
        if count != 5 + keypoints:
            wanted = f"must have {5 + keypoints}: {_COLUMNS} and {keypoints} of keypoints"
            raise DataError(path, f"{where} has {_columns_text(count)}, {wanted}")
        texts = texts[:5]
    elif count == 6:
        reason = f"{where} has 6 columns, as a prediction with its confidence; must have five: {_COLUMNS}"
        raise DataError(path, reason)
    elif count < 5 or count % 2 == 0:
        polygon = "or a class and an x and a y for each corner of a polygon"
        raise DataError(path, f"{where} has {_columns_text(count)}, must have five: {_COLUMNS}; {polygon}")
    numbers = []
    for column, text in enumerate(texts[1:]):
        if not _NUMBER.fullmatch(text):
            name = _BOX[column] if len(texts) == 5 else f"{'xy'[column % 2]} of corner {column // 2 + 1}"
            raise DataError(path, f"the {name} in {where} is {show(text)}, must be a number")
        numbers.append(float(text))
    return _label(texts[0], where, path, ids), numbers


def _columns_text(count: int) -> str:
    return "1 column" if count == 1 else f"{count} columns"


def _label(text: str, where: str, path: Path, ids: ClassIds) -> int:
    match = _CLASS.fullmatch(text)
    known = ", ".join(f"{number} ({name})" for number, name in enumerate(ids.names))
    if match is None:
        raise DataError(path, f"the class in {where} is {show(text)}, must be a whole number: {known}")
    number = int(match[1])
    if number >= len(ids.names):
        raise DataError(path, f"{where} has the unknown class {number}; known are {known}")
    name = ids.names[number]
    if name not in ids.labels:
        wanted = ", ".join(ids.labels)
        raise DataError(path, f"{where} has the unknown class {number} ({name}), which isn't among {wanted}")
    return ids.labels[name]


def _corners(values: Sequence[float], size: tuple[int, int]) -> NDArray[np.float64]:
    """x1, y1, x2, y2 in pixels."""
    shares = np.array(values, dtype=np.float64).reshape(-1, 2)
    if len(shares) == 2:
        centre, extent = shares
        shares = np.stack([centre - extent / 2, centre + extent / 2])
    return (np.concatenate([shares.min(0), shares.max(0)]) if len(shares) > 2 else shares.ravel()) * [*size, *size]


def _check_box(
    corners: NDArray[np.float64], values: Sequence[float], where: str, path: Path, size: tuple[int, int]
) -> bool:
    """Whether a box reaches further beyond its image than a rounded one does. Raises DataError for a bad box."""
    if min(values) > 1:
        shown = ", ".join(show_number(value) for value in values[:4])
        reason = f"the numbers in {where} look like pixels ({shown}); must be shares of the image's width and height"
        raise DataError(path, f"{reason}, 0 to 1")
    x1, y1, x2, y2 = corners.tolist()
    if x1 >= x2 or y1 >= y2:
        raise DataError(path, f"the box in {where} has no area: it is {x2 - x1:g} wide and {y2 - y1:g} high")
    beyond = round(reach(corners, *size), 2)  # shares have six decimals
    if beyond > SLACK:
        span = f"x from {x1:.2f} to {x2:.2f} and y from {y1:.2f} to {y2:.2f}"
        reason = f"the box in {where} reaches {beyond:.2f} pixels beyond its image of {size[0]} x {size[1]}: {span}"
        raise DataError(path, reason)
    left, top, right, bottom = clipped(corners, *size).tolist()
    if left >= right or top >= bottom:
        raise DataError(path, f"the box in {where} has no area within its image of {size[0]} x {size[1]}")
    return beyond > ROUNDING
