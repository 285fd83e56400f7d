"""COCO's results format: a list of boxes with the ids of their images and categories."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import BinaryIO

from spaces.detectors.published_classes import ROWS_OF_EIGHTY
from trainers.data.coco.classes import COCO_CLASSES
from trainers.prediction import Prediction
from trainers.whole_files import replacing

_MOST_DIGITS = 15
"""Of a name that counts as a number: JSON's readers hold such numbers exactly."""


class CocoResults:
    """A results file that is written picture by picture, see `writing_results`."""

    def __init__(self, file: BinaryIO, pictures: Sequence[Path], classes: Sequence[str]) -> None:
        self._file = file
        self._pictures = pictures
        self._image_ids = image_ids(pictures)
        self._category_ids = category_ids(classes)
        self._separator = "[\n"

    def add(self, prediction: Prediction) -> None:
        """Write the boxes of one picture."""
        values = (getattr(prediction, name).tolist() for name in ("boxes", "scores", "labels"))
        for (left, top, right, bottom), score, label, name in zip(*values, prediction.class_names, strict=True):
            entry = {
                "image_id": self._image_ids[prediction.index],
                "category_id": self._category_ids[label - 1],
                "bbox": [left, top, right - left, bottom - top],
                "score": score,
                "file_name": str(self._pictures[prediction.index]),
                "category_name": name,
            }
            self._file.write(f"{self._separator}{json.dumps(entry)}".encode())
            self._separator = ",\n"

    def end(self) -> None:
        self._file.write(b"[]\n" if self._separator == "[\n" else b"\n]\n")


@contextmanager
def writing_results(path: Path, pictures: Sequence[Path], classes: Sequence[str]) -> Iterator[CocoResults]:
    """A results file of these pictures; it appears whole at the end, or not at all."""
    with replacing(path) as file:
        results = CocoResults(file, pictures, classes)
        yield results
        results.end()


def image_ids(pictures: Sequence[Path]) -> list[int]:
    """An id for each picture: the number that its file name is, as COCO's are, such as 139 for `000000000139.jpg`.

    Any other name, and the second one of a number, gets the smallest number from 1 on that is free, in order.
    """
    ids: list[int | None] = []
    taken: set[int] = set()
    for stem in (picture.stem for picture in pictures):
        number = int(stem) if stem.isascii() and stem.isdigit() and len(stem) <= _MOST_DIGITS else None
        ids.append(None if number in taken else number)
        taken |= {number} if number is not None else set()
    free = (number for number in count(1) if number not in taken)
    return [next(free) if number is None else number for number in ids]


def category_ids(classes: Sequence[str]) -> list[int]:
    """By label the category's id: 1 to 90 with COCO's gaps for its eighty classes, else the label itself, from 1 on."""
    if tuple(classes) == COCO_CLASSES:
        return list(ROWS_OF_EIGHTY[1:])
    return list(range(1, len(classes) + 1))
