"""Listing the data files of a folder, without what systems and tools leave beside them."""

from collections.abc import Iterator, Mapping
from os import scandir, walk
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


def names_below(folder: Path, *suffixes: str) -> Iterator[str]:
    """The data files with these endings in a folder and in those below it, as paths relative to it; `/` is between.

    Links to folders are not followed. A folder that can't be read has no files.
    """
    for path, folders, files in walk(folder):
        folders[:] = sorted(name for name in folders if is_data_file(name))
        below = Path(path).relative_to(folder).as_posix()
        for name in sorted(files):
            if is_data_file(name) and name.lower().endswith(suffixes):
                yield name if below == "." else f"{below}/{name}"


def folders_in(folder: Path) -> list[Path]:
    """The folders directly in a folder, sorted, without hidden ones; none for one that can't be read."""
    try:
        with scandir(folder) as entries:
            names = [entry.name for entry in entries if is_data_file(entry.name) and entry.is_dir()]
    except OSError:
        return []
    return [folder / name for name in sorted(names)]


def is_folder(path: Path) -> bool:
    """Whether a path is that of a folder; False where that can't be found out, as with a name that is too long."""
    try:
        return path.is_dir()
    except OSError:
        return False


def is_file(path: Path) -> bool:
    """Whether a path is that of a file; False where that can't be found out."""
    try:
        return path.is_file()
    except OSError:
        return False
