"""VOC's lists of images: one image id a line, or what tools write instead."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from trainers.data.errors import DataError, show
from trainers.data.folder import refuse_outside
from trainers.data.layout import SetFiles
from trainers.data.listing import IMAGE_SUFFIXES
from trainers.data.voc.stems import Stems

_PER_CLASS_LINE = re.compile(r"\S.*\s(-1|0|1)")
_PLAIN = re.compile(r"[\w-]+")
_LINES_LOOKED_AT = 100
_IMAGE_ENDING = "|".join(suffix.removeprefix(".") for suffix in IMAGE_SUFFIXES)
_TWO_COLUMNS = re.compile(rf"(.*\.(?:{_IMAGE_ENDING}))\s+(\S.*\.xml)", re.IGNORECASE)


@dataclass(frozen=True)
class ListedImage:
    """An image of a list: its id, which may have folders before it, and its file's name where the line has that."""

    image_id: str
    file_name: str | None = None


def listed_lines(path: Path) -> list[str]:
    """The lines of a list. Raises DataError for one that can't be read."""
    try:
        content = path.read_bytes()
        wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))  # as PowerShell writes a list
        lines = content.decode("utf-16" if wide else "utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        way_out = "It must be text in UTF-8, one image id per line"
        raise DataError(path, f"the image set can't be read ({error})", way_out) from error
    return [line.strip() for line in lines if line.strip()]


def is_of_one_class(path: Path) -> bool:
    """Whether a list flags for each image if a class is in it, by its first lines; False if it can't be read."""
    try:
        lines = listed_lines(path)[:_LINES_LOOKED_AT]
    except DataError:
        return False
    return bool(lines) and all(_PER_CLASS_LINE.fullmatch(line) for line in lines)


def listed_image(line: str, part: SetFiles, annotations: Stems) -> ListedImage:
    """The image that a line names: by id, with an ending or folders as in `VOC2007/JPEGImages/a.jpg`, or by two files.

    Of the ids that a line can mean the first that has an annotation is taken. Raises DataError for a line that leads
    outside, and for one with a picture and an annotation of different names.
    """
    if _PLAIN.fullmatch(line):
        return ListedImage(line)
    source = part.ids or part.annotations
    columns = _TWO_COLUMNS.fullmatch(line)
    names = [name.replace("\\", "/") for name in (columns.groups() if columns else (line,))]
    for name in names:
        refuse_outside(source, name, "lists")
    *picture, last = names
    ids = list(_possible_ids(last, part))
    image_id = next((one for one in ids if annotations.named(one)), ids[-1])
    if picture and image_id not in _possible_ids(picture[0], part):
        reason = f"lists a picture and an annotation of different names in one line, {show(line)}"
        raise DataError(source, reason)
    file = PurePosixPath(names[0])
    return ListedImage(image_id, file.name if file.suffix.lower() in IMAGE_SUFFIXES else None)


def _possible_ids(name: str, part: SetFiles) -> Iterator[str]:
    """The name as it is; then without its ending; then without the set's folder before it, with the ending or not."""
    whole = PurePosixPath(name)
    for path in dict.fromkeys((whole, _below(whole, part))):
        yield str(path)
        if path.suffix.lower() in (".xml", *IMAGE_SUFFIXES):
            yield str(path.with_suffix(""))


def _below(name: PurePosixPath, part: SetFiles) -> PurePosixPath:
    """The name without the folders it begins with, if the path to the set's images or annotations ends with them.

    Another year's folder stays: the image of that name in this one is another.
    """
    for folder in (part.images, part.annotations):
        path = folder.absolute().parts
        for count in range(len(name.parts) - 1, 0, -1):
            if path[-count:] == name.parts[:count]:
                return PurePosixPath(*name.parts[count:])
    return name
