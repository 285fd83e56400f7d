"""Paths in a YOLO data set's own files, which are often those of another machine, as places below the data's root."""

import os
from collections.abc import Sequence
from pathlib import Path, PureWindowsPath


def parts_of(text: str) -> tuple[str, ...]:
    """The parts of a path as any system writes it, without the drive, the first slash and single dots."""
    path = PureWindowsPath(text.strip())
    return path.parts[1:] if path.anchor else path.parts


def is_there(path: Path) -> bool:
    """Whether there is a file, a folder or a link, under a name that may come from a file."""
    try:
        path.lstat()
    except (OSError, ValueError):  # a ValueError is of a character that no name can have
        return False
    return True


def place_below(root: Path, bases: Sequence[Path], text: str) -> Path:
    """The place below a root that a path in a data YAML means: the first of these that is there.

    The path itself, from one of the bases; or the longest end of it below the root, such as train/images of
    ../train/images, or images/train of /home/me/pets/images/train. A single folder is such an end only of a path that
    leads elsewhere. If nothing is there, the path without what leads
    outside; it never leads out of the root.
    """
    path = text.strip().replace("\\", "/")
    for base in bases:
        place = Path(os.path.normpath(base / path))
        if place.is_relative_to(root) and is_there(place):
            return place
    parts = tuple(part for part in parts_of(text) if part != "..")
    ends = [parts[first:] for first in range(len(parts))]
    leads_away = path.startswith("/") or PureWindowsPath(path).anchor or ".." in parts_of(text)
    too_short = {("images",)} if leads_away else {end for end in ends if len(end) == 1}  # images/val is no place val
    likely = [end for end in ends if end not in too_short or len(parts) == 1]
    found = (root.joinpath(*end) for end in likely if is_there(root.joinpath(*end)))
    return next(found, root.joinpath(*parts))


def as_labels(folder: Sequence[str]) -> tuple[str, ...]:
    """The folder of the labels of the images in a folder: `labels` for the last `images` in its path, or the same."""
    parts = tuple(folder)
    if "images" not in parts:
        return parts
    last = len(parts) - 1 - parts[::-1].index("images")
    return (*parts[:last], "labels", *parts[last + 1 :])
