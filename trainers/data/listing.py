"""Listing the data files of a folder, without what systems and tools leave beside them."""

from collections.abc import Mapping
from os import scandir
from pathlib import Path

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
"""The endings of image files, whatever their case; the content decides how a file is read."""


def is_data_file(name: str) -> bool:
    """Whether a name may be of data: hidden files aren't, among them the `._` files that a Mac writes."""
    return not name.startswith(".")


def file_names(folder: Path, *suffixes: str) -> list[str]:
    """The names of the data files in a folder with these endings in any case, sorted; none for a missing folder."""
    try:
        with scandir(folder) as entries:
            names = [entry.name for entry in entries if is_data_file(entry.name)]
    except OSError:
        return []
    return sorted(name for name in names if Path(name).suffix.lower() in suffixes)


def images_by_stem(folder: Path) -> Mapping[str, list[str]]:
    """The names of the images in a folder, by name without ending; most have one, some two, as `a.jpg` and `a.png`."""
    names: dict[str, list[str]] = {}
    for name in file_names(folder, *IMAGE_SUFFIXES):
        names.setdefault(Path(name).stem, []).append(name)
    return names
