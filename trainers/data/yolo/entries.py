"""Which images belong to a part of an image set, each with its label file."""

import os
import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainers.data.errors import DataError
from trainers.data.layout import SetFiles
from trainers.data.listing import IMAGE_SUFFIXES, is_file, is_folder, names_below
from trainers.data.yolo.classes import label_names
from trainers.data.yolo.data_yaml import read_data_yaml
from trainers.data.yolo.places import as_labels, is_there, parts_of
from trainers.data.yolo.text import lines_of

MISSING_FOLDER = (
    "Correct the data's YAML or data.root, or name the folders: data.annotations.<set> for labels and data.images.<set>"
)
_TRIED = 100
"""How many lines of a list are tried to find out what its paths begin with."""


@dataclass(frozen=True)
class Entry:
    """An image of a set, before anything is read.

    image_id: the path of its image without the ending. images: the files that it may be, as paths below the folder of
    images; one if all is well. label: its label file as a path below `label_folder`.
    """

    image_id: str
    images: tuple[str, ...]
    label: str


def entries_of(part: SetFiles) -> list[Entry]:
    """The images of a part: those of a list, or those in its folder of images, and labels without an image.

    Raises DataError for a list that can't be read, a folder that is missing and a YAML that is broken.
    """
    if part.annotations.suffix in (".yaml", ".yml") and is_file(part.annotations):
        read_data_yaml(part.annotations)
        way_out = "Name the folder of the labels there, or let data.root name the YAML's folder"
        raise DataError(part.annotations, "a data YAML was named in place of the labels of a set", way_out)
    if is_file(part.annotations):
        return _listed(part)
    for folder in (part.images, part.annotations):
        if not is_folder(folder):
            raise DataError(folder, "the folder is missing", MISSING_FOLDER)
    return _in_folders(part)


def label_folder(part: SetFiles) -> Path:
    """The folder from which the paths of label files count."""
    return part.images if is_file(part.annotations) else part.annotations


def _in_folders(part: SetFiles) -> list[Entry]:
    """Sorted by id; a label file without an image is an entry, too."""
    images = _by_id(names_below(part.images, *IMAGE_SUFFIXES))
    labels = _by_id(label_names(part.annotations))
    return [
        Entry(f"{part.prefix}{one}", tuple(images.get(one, ())), labels.get(one, [f"{one}.txt"])[0])
        for one in sorted(images.keys() | labels.keys())
    ]


def _listed(part: SetFiles) -> list[Entry]:
    """In the list's order; a path that is listed twice has two entries."""
    names = _names(part, _lines(part.annotations))
    same = _by_id(names)
    ids = [_without_ending(name) for name in names]
    return [Entry(one, tuple(dict.fromkeys(same[one])), _label(name)) for one, name in zip(ids, names, strict=True)]


def _by_id(names: Iterable[str]) -> dict[str, list[str]]:
    by_id: dict[str, list[str]] = {}
    for name in names:
        by_id.setdefault(_without_ending(name), []).append(name)
    return by_id


def _without_ending(name: str) -> str:
    folder, slash, last = name.rpartition("/")
    return f"{folder}{slash}{last.rpartition('.')[0] or last}"


def _label(name: str) -> str:
    """Of an image, its path with `labels` for the last `images`; without such a folder they lie side by side."""
    *folder, last = _without_ending(name).split("/")
    return "/".join([*as_labels(folder), f"{last}.txt"])


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in lines_of(path) if line]
    except (OSError, UnicodeDecodeError) as error:
        way_out = "It must be text, the path of an image in each line"
        raise DataError(path, f"the image set can't be read ({error})", way_out) from error


def _names(part: SetFiles, lines: Sequence[str]) -> list[str]:
    """The listed paths as paths below the folder of images.

    Such paths count from the list's folder or from the root, or they begin with what is right on another machine only.
    The first that fits a file in one of these ways decides for all, so that no path means a file by chance.
    """
    bases = part.annotations.parent, part.images
    paths = [parts_of(line) for line in lines]
    fitting = (
        (base, parts[:first])
        for parts in paths[:_TRIED]
        for first in range(len(parts))
        for base in bases
        if is_there(base.joinpath(*parts[first:]))
    )
    base, begin = next(fitting, (part.images, ()))
    rests = (parts[len(begin) :] if parts[: len(begin)] == begin else parts for parts in paths)
    from_images = Path(os.path.relpath(base, part.images)).as_posix()
    return [posixpath.normpath(posixpath.join(from_images, *rest)) for rest in rests]
