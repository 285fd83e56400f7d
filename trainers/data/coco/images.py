"""The entries of images in an instances file."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trainers.data.coco.names import PictureNames
from trainers.data.coco.numbers import LARGEST, whole
from trainers.data.errors import DataError, show
from trainers.data.image_file import image_size

ImageId = int | str
"""COCO's ids are whole numbers; other tools write names of files, too."""


@dataclass(frozen=True)
class ImageEntry:
    """The checked entry of an image; a side is 0 where the file doesn't say it."""

    id: ImageId
    file_name: str
    width: int
    height: int


def image_id(value: object) -> ImageId | None:
    """The id that a value stands for: a whole number, or else a text; None for any other value."""
    if type(value) is int:  # as nearly always, in files of a million annotations
        return value
    number = whole(value)
    if number is not None:
        return number
    return value if isinstance(value, str) and value else None


def parse_image(entry: object, path: Path) -> ImageEntry:
    """Check the entry of an image. Raises DataError."""
    number = image_id(entry.get("id")) if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or number is None:
        raise DataError(path, f"an image is {show(entry)}, must be a mapping with a whole number or a name as its id")
    name = entry.get("file_name")
    if not isinstance(name, str) or not name:
        raise DataError(path, f"the file_name of image {show(number)} is {show(name)}, must be a name")
    width, height = (_side(entry.get(side), side, number, path) for side in ("width", "height"))
    return ImageEntry(number, name, width, height)


def _side(value: object, side: str, number: ImageId, path: Path) -> int:
    pixels = 0 if value is None else whole(value)
    if pixels is None or not 0 <= pixels <= LARGEST:
        reason = f"the {side} of image {show(number)} is {show(value)}, must be a whole number of at least 1"
        raise DataError(path, reason)
    return pixels


def with_size_of(image: ImageEntry, file: Path) -> ImageEntry:
    """The entry with the sides that it lacks, from the picture's header. Raises DataError for a broken header.

    A side that the entry has stays as it is: decoding refuses it where it is wrong.
    """
    width, height = image_size(file)
    return replace(image, width=image.width or width, height=image.height or height)


def file_names_of(images: Sequence[object]) -> list[str]:
    """The file names of the entries that have one, as they are written."""
    names = (entry.get("file_name") for entry in images if isinstance(entry, dict))
    return [name for name in names if isinstance(name, str)]


def ids_and_names(images: Sequence[object], names: PictureNames) -> tuple[Counter[ImageId], Counter[str]]:
    """How often each id and each picture occurs; entries with other defects count, too."""
    entries = [entry for entry in images if isinstance(entry, dict)]
    ids = Counter(number for entry in entries if (number := image_id(entry.get("id"))) is not None)
    return ids, Counter(map(names.find, file_names_of(images)))
