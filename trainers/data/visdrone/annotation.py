"""One annotation file of VisDrone-DET: text from outside, so everything in it is checked."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainers.data.boxes import ROUNDING, SLACK, clipped, reach
from trainers.data.errors import DataError, show
from trainers.data.findings import Findings
from trainers.data.remarks import CLIPPED, NO_HEIGHT, Remark
from trainers.data.sample import REGION

OTHERS = 11
"""The category of objects that are none of the ten classes."""

_COLUMNS = "left, top, width, height, score, category, truncation, occlusion"
_NUMBER = re.compile(r"\s*-?[0-9]{1,9}\s*", re.ASCII)


def parse_objects(
    text: bytes, path: Path, width: int, height: int
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.bool_], tuple[Remark, ...]]:
    """The boxes, labels, difficult flags and remarks of an image of that size, as in `Sample`.

    Raises DataError, and nothing else, for all bad lines at once; `path` is only named in errors and remarks. An
    ignored region is clipped to its image wherever it ends, an object if it reaches up to `SLACK` pixels beyond.
    Objects and regions without width or height are skipped, as the published sets have some; objects are counted.
    """
    boxes, labels, difficult = [], [], []
    counts = {NO_HEIGHT: 0, CLIPPED: 0}
    try:
        lines = text.decode("ascii").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(path, f"the annotation is no plain text ({error.reason} at byte {error.start})") from error
    findings = Findings()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        with findings:
            left, top, wide, high, score, category = _columns(line, number, path)
            if category == OTHERS or (category == REGION and min(wide, high) <= 0):
                continue
            if min(wide, high) == 0:
                counts[NO_HEIGHT] += 1
                continue
            box = np.array([left, top, left + wide, top + high], dtype=np.float64)
            if category != REGION:
                _check_box(box, number, path, (width, height))
                counts[CLIPPED] += reach(box, width, height) > ROUNDING
            boxes.append(clipped(box, width, height))
            labels.append(category)
            difficult.append(category == REGION or score == 0)
    findings.raise_any()
    corners = np.array(boxes, dtype=np.float32).reshape(-1, 4)
    visible = (corners[:, :2] < corners[:, 2:]).all(axis=1)  # a region may lie wholly outside
    classes, flags = np.array(labels, dtype=np.int64)[visible], np.array(difficult, dtype=np.bool_)[visible]
    return corners[visible], classes, flags, tuple(Remark(kind, count, path) for kind, count in counts.items() if count)


def _columns(line: str, number: int, path: Path) -> Sequence[int]:
    """The first six of the eight columns; a comma may follow the last."""
    texts = line.rstrip().removesuffix(",").split(",")
    if len(texts) != 8:
        raise DataError(path, f"line {number} has {len(texts)} columns, must have eight: {_COLUMNS}")
    for name, text in zip(_COLUMNS.split(", "), texts, strict=True):
        if not _NUMBER.fullmatch(text):
            raise DataError(path, f"the {name} in line {number} is {show(text)}, must be a whole number")
    values = [int(text) for text in texts]
    for name, value, largest in (("score", values[4], 1), ("category", values[5], OTHERS)):
        if not 0 <= value <= largest:
            raise DataError(path, f"the {name} in line {number} is {value}, must be 0 to {largest}")
    return values[:6]


def _check_box(box: NDArray[np.float64], number: int, path: Path, size: tuple[int, int]) -> None:
    x1, y1, x2, y2 = box.astype(int).tolist()
    if x1 >= x2 or y1 >= y2:
        raise DataError(path, f"the box in line {number} has no area: it is {x2 - x1} wide and {y2 - y1} high")
    if reach(box, *size) > SLACK or x1 >= size[0] or y1 >= size[1] or x2 <= 0 or y2 <= 0:
        span = f"x from {x1} to {x2} and y from {y1} to {y2}"
        raise DataError(path, f"the box in line {number} is outside its image of {size[0]} x {size[1]}: {span}")
