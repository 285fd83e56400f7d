"""Finding the pictures that a command line names, and the names under which drawn copies are written."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from glob import glob
from itertools import count
from pathlib import Path

from search.errors import RunError
from trainers.data.listing import IMAGE_SUFFIXES, is_file, names_below

PICTURE_SUFFIXES = (*IMAGE_SUFFIXES, ".jpe", ".jfif", ".mpo", ".gif", ".heic", ".heif", ".avif", ".jp2")
"""The endings of what counts as a picture in a folder. What can't be read, such as HEIC, is named then."""


@dataclass(frozen=True)
class Named:
    """A picture's file, and its place below the folder that was given; its file name where a file was given."""

    path: Path
    place: Path


def find_pictures(given: Sequence[str], without: Path | None = None) -> list[Named]:
    """The pictures of files, folders and glob patterns, each file once, in the order given; a folder's sorted.

    Folders are read with those below them, hidden ones left out. A pattern counts where no file has its name. What
    folders and patterns have in `without` is left out; a file that is named stays. Raises RunError where a name leads
    to nothing, and where a folder has no picture.
    """
    found: dict[Path, Named] = {}
    for text in given:
        for named in _named_by(text, without):
            found.setdefault(named.path.absolute(), named)
    return list(found.values())


def _named_by(text: str, without: Path | None) -> Iterator[Named]:
    path = Path(text)
    if path.exists() or path.is_symlink():
        paths = [path]
    else:
        fitting = sorted(glob(text, recursive=True))  # noqa: PTH207 - Path's has no absolute ones
        paths = [path for path in map(Path, fitting) if not _is_in(path, without)]
    left_out = "" if without is None else f" The folder {without} for drawn copies is left out."
    if not paths:
        reason = "no file or folder has that name, and no file fits it as a pattern."
        raise RunError(f"There is no picture {text}: {reason}{left_out}")
    pictures = [named for one in paths for named in (_in_folder(one, without) if one.is_dir() else [_file(one)])]
    if not pictures:
        endings = ", ".join(PICTURE_SUFFIXES)
        raise RunError(
            f"There is no picture in {text}: no file there, or in the folders below, ends with {endings}.{left_out}"
        )
    yield from pictures


def _file(path: Path) -> Named:
    return Named(path, Path(path.name))


def _in_folder(folder: Path, without: Path | None) -> Iterator[Named]:
    """Its plain files, and links that lead nowhere, which are reported when they are read."""
    for name in names_below(folder, *PICTURE_SUFFIXES):
        path = folder / name
        if (is_file(path) or not path.exists()) and not _is_in(path, without):
            yield Named(path, Path(name))


def _is_in(path: Path, folder: Path | None) -> bool:
    return folder is not None and path.resolve().is_relative_to(folder.resolve())


def drawn_places(pictures: Sequence[Named], folder: Path) -> list[Path]:
    """Where each drawn picture is to be written: at its own place in `folder`, `a.2.jpg` where `a.jpg` is taken.

    Names that differ only in case count as equal, since some disks take them so.
    """
    taken: set[str] = set()
    places = []
    for picture in pictures:
        own = picture.place
        names = (own if n == 1 else own.with_name(f"{own.stem}.{n}{own.suffix}") for n in count(1))
        place = next(name for name in names if str(name).casefold() not in taken)
        taken.add(str(place).casefold())
        places.append(folder / place)
    return places
