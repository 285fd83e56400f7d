"""COCO's results format: a list of boxes with the ids of their images and categories."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

from numpy.typing import NDArray

from spaces.detectors.published_classes import ROWS_OF_EIGHTY
from trainers.data.coco.classes import COCO_CLASSES
from trainers.data.coco.ids import Ids
from trainers.data.image_sets import ImageSets
from trainers.whole_files import replacing

_MOST_DIGITS = 15
"""Of a name that counts as a number: JSON's readers hold such numbers exactly."""


def ids_of_set(sets: ImageSets, split: str, names: Sequence[str], classes: Sequence[str]) -> Ids:
    """The ids of an image set: those of its annotation file where its format has any, else numbers.

    names: of its images; the last part of each is what may be a number, see `image_ids`. Raises DataError for a file
    that can't be read.
    """
    if sets.form.ids is not None:
        return sets.form.ids(sets.files(split))
    return _numbered(names, [name.rpartition("/")[2] for name in names], classes)


def ids_of_pictures(pictures: Sequence[Path], classes: Sequence[str]) -> Ids:
    """Numbers for pictures without annotations, see `image_ids`; an image's name is its path here."""
    return _numbered(list(map(str, pictures)), [picture.stem for picture in pictures], classes)


def _numbered(names: Sequence[str], texts: Sequence[str], classes: Sequence[str]) -> Ids:
    images, categories = zip(names, image_ids(texts), strict=True), zip(classes, category_ids(classes), strict=True)
    return Ids(dict(images), dict(categories))


def image_ids(texts: Sequence[str]) -> list[int]:
    """An id for each image: the number that its text is, as COCO's names are, such as 139 for `000000000139`.

    Any other text, and the second one of a number, gets the smallest number from 1 on that is free, in order.
    """
    ids: list[int | None] = []
    taken: set[int] = set()
    for text in texts:
        number = int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None
        ids.append(None if number in taken else number)
        taken |= {number} if number is not None else set()
    free = (number for number in count(1) if number not in taken)
    return [next(free) if number is None else number for number in ids]


def category_ids(classes: Sequence[str]) -> list[int]:
    """By label the category's id: 1 to 90 with COCO's gaps for its eighty classes, else the label itself, from 1 on."""
    if tuple(classes) == COCO_CLASSES:
        return list(ROWS_OF_EIGHTY[1:])
    return list(range(1, len(classes) + 1))


class CocoResults:
    """A results file that is written image by image, see `writing_results`."""

    def __init__(self, file: BinaryIO, ids: Ids, classes: Sequence[str]) -> None:
        self._file = file
        self._ids = ids
        self._classes = classes
        self._separator = "[\n"

    def add(self, name: str, boxes: NDArray[Any], scores: NDArray[Any], labels: NDArray[Any]) -> None:
        """Write the boxes of one image: (n, 4) xyxy in its pixels, (n,) and (n,) in 1..C.

        Boxes of classes without an id are left out: nothing in the annotation file can be of theirs.
        """
        columns = (boxes.tolist(), scores.tolist(), labels.tolist())
        for (left, top, right, bottom), score, label in zip(*columns, strict=True):
            class_name = self._classes[label - 1]
            category = self._ids.categories.get(class_name)
            if category is None:
                continue
            entry = {
                "image_id": self._ids.images[name],
                "category_id": category,
                "bbox": [left, top, right - left, bottom - top],
                "score": score,
                "file_name": name,
                "category_name": class_name,
            }
            self._file.write(f"{self._separator}{json.dumps(entry)}".encode())
            self._separator = ",\n"

    def end(self) -> None:
        self._file.write(b"[]\n" if self._separator == "[\n" else b"\n]\n")


@contextmanager
def writing_results(path: Path, ids: Ids, classes: Sequence[str]) -> Iterator[CocoResults]:
    """A results file of images that have these ids; it appears whole at the end, or not at all."""
    with replacing(path) as file:
        results = CocoResults(file, ids, classes)
        yield results
        results.end()
