"""Reads image sets of VisDrone-DET: a text file of eight columns for each image."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainers.data.errors import DataError, OnBadData, show
from trainers.data.findings import Findings
from trainers.data.folder import DataFolder
from trainers.data.gathering import gather
from trainers.data.image_file import image_size
from trainers.data.layout import Parts, SetFiles
from trainers.data.sample import REGION, DetectionData, Sample

VISDRONE_CLASSES = (
    "pedestrian",
    "people",
    "bicycle",
    "car",
    "van",
    "truck",
    "tricycle",
    "awning-tricycle",
    "bus",
    "motor",
)
"""The categories 1 to 10; 0 is an ignored region, 11 is "others"."""

OTHERS = 11
NAME_THE_ROOT = "Let --data, data.root or BITFRONT_VISDRONE_ROOT name the folder that holds VisDrone2019-DET-train"

_COLUMNS = "left, top, width, height, score, category, truncation, occlusion"
_NUMBER = re.compile(r"\s*-?[0-9]{1,9}\s*", re.ASCII)
_SUFFIXES = (".jpg", ".jpeg", ".png")


def read_visdrone(
    files: Parts, *, class_names: Sequence[str] | None = None, on_bad_data: OnBadData = "error"
) -> DetectionData:
    """Read the annotations of one image set and the headers of its images.

    Objects of score 0 are marked difficult, and so are ignored regions, whose label is REGION. Objects of the category
    "others" aren't read. An image needs an annotation file and an annotation file an image. The classes are fixed:
    other `class_names` than theirs are refused.

    A bad image raises DataError, or with on_bad_data="skip" is left out whole and listed in `defects`. A missing
    folder, and one without a usable image, raise in either case.
    """
    [part] = files
    _check_folders(part)
    if class_names is not None and tuple(class_names) != VISDRONE_CLASSES:
        asked, there = ", ".join(class_names), ", ".join(VISDRONE_CLASSES)
        raise DataError(part.annotations, f"its classes are {there}, but {asked} were asked for", "Name no others")
    annotations, images = (
        DataFolder.of(part.root, folder, part.follow_links) for folder in (part.annotations, part.images)
    )
    names_by_id = _images(images.path)
    image_ids = sorted(names_by_id.keys() | {path.stem for path in annotations.path.glob("*.txt")})

    def read(image_id: str) -> Sample:
        names = names_by_id.get(image_id, [f"{image_id}.jpg"])
        if len(names) > 1:
            raise DataError(images.path, f"there are {len(names)} images for one annotation: {', '.join(names)}")
        text = annotations.file(f"{image_id}.txt", "annotation", images.path, "needs")
        image = images.file(names[0], "image", annotations.path, "needs")
        width, height = image_size(image)
        try:
            content = text.read_bytes()
        except OSError as error:
            raise DataError(text, f"the annotation can't be read ({error.strerror})") from error
        return Sample(image_id, image, width, height, *parse_objects(content, text, width, height))

    return gather(
        image_ids,
        read,
        class_names=VISDRONE_CLASSES,
        source=part.annotations,
        way_out=NAME_THE_ROOT,
        on_bad_data=on_bad_data,
    )


def visdrone_images(files: Parts) -> dict[str, Path]:
    """The images of a set by id, with their paths; no file is read. Raises DataError for a missing folder."""
    [part] = files
    _check_folders(part)
    return {image_id: part.images / names[0] for image_id, names in _images(part.images).items()}


def parse_objects(
    text: bytes, path: Path, width: int, height: int
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.bool_]]:
    """The boxes, labels and difficult flags of an image of that size, as in `Sample`; `path` is only named in errors.

    Raises DataError, and nothing else, for all bad lines at once. An ignored region is clipped to its image; an object
    must lie inside it.
    """
    boxes, labels, difficult = [], [], []
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
                continue  # the published train set has two regions without an area
            box = np.array([left, top, left + wide, top + high])
            _check_box(box, number, path, (width, height) if category != REGION else None)
            boxes.append(box.clip(0, [width, height] * 2))
            labels.append(category)
            difficult.append(category == REGION or score == 0)
    findings.raise_any()
    corners = np.array(boxes, dtype=np.float32).reshape(-1, 4)
    visible = (corners[:, :2] < corners[:, 2:]).all(axis=1)  # a region may lie wholly outside
    return corners[visible], np.array(labels, dtype=np.int64)[visible], np.array(difficult, dtype=np.bool_)[visible]


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


def _check_box(box: NDArray[np.int64], number: int, path: Path, size: tuple[int, int] | None) -> None:
    x1, y1, x2, y2 = box.tolist()
    if x1 >= x2 or y1 >= y2:
        raise DataError(path, f"the box in line {number} has no area: it is {x2 - x1} wide and {y2 - y1} high")
    if size is not None and (x1 < 0 or y1 < 0 or x2 > size[0] or y2 > size[1]):
        span = f"x from {x1} to {x2} and y from {y1} to {y2}"
        raise DataError(path, f"the box in line {number} is outside its image of {size[0]} x {size[1]}: {span}")


def _images(folder: Path) -> dict[str, list[str]]:
    """File names of images, by name without suffix."""
    names: dict[str, list[str]] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in _SUFFIXES:
            names.setdefault(path.stem, []).append(path.name)
    return names


def _check_folders(part: SetFiles) -> None:
    for folder in (part.annotations, part.images):
        if not folder.is_dir():
            raise DataError(folder, "the folder is missing", NAME_THE_ROOT)
