"""Which picture a file name in an instances file means."""

import re
from collections.abc import Iterable
from os import scandir
from pathlib import Path, PurePosixPath


def is_full(file_name: str) -> bool:
    """Whether a file name is a path from the root of a disk, of this machine or another."""
    return re.match(r"[/\\]|[A-Za-z]:", file_name) is not None


class PictureNames:
    """Finds the pictures of a folder by the names that an instances file has for them.

    Each folder is listed once, since a set may have a hundred thousand images. file_names: all names of the file. Of
    full paths on another machine the beginnings that are dropped must agree: where `/data` is dropped from one, from
    another `/data/cam2` can't be, whose picture would be one of another folder.
    """

    def __init__(self, folder: Path, file_names: Iterable[str]) -> None:
        self._folder = folder
        self._listings: dict[str, frozenset[str]] = {}
        self._dropped: set[tuple[str, ...]] = set()
        self._dropped = {beginning for name in file_names if (beginning := self._beginning(name)) is not None}

    def find(self, file_name: str) -> str:
        """The name of the picture in the folder, with slashes, and one name for one file: `./a.jpg` is `a.jpg`.

        If there is no such file, the name may begin with this folder's own or a path to it (`train/a.jpg`), or be a
        full path on another machine, of which the longest end that is there counts. A name that is nowhere comes back
        as it is, but with slashes, so that opening the file says what is missing.
        """
        name = file_name.replace("\\", "/")
        if is_full(name):
            beginning = self._beginning(name)
            if beginning is None or any(beginning[: len(one)] == one != beginning for one in self._dropped):
                return name
            return "/".join(PurePosixPath(name).parts[len(beginning) :])
        if "/" not in name:
            return name
        parts = PurePosixPath(name).parts
        if ".." in parts:
            return name
        ends = [parts[k:] for k in range(1, len(parts)) if parts[k - 1] == self._folder.name]
        candidates = ["/".join(end) for end in [parts, *ends]]
        return next((end for end in candidates if self._has(end)), candidates[0])

    def _beginning(self, file_name: str) -> tuple[str, ...] | None:
        """What is in front of the longest end of a full path that is there; None for other names, or if none is."""
        parts = PurePosixPath(file_name.replace("\\", "/")).parts
        if not is_full(file_name) or ".." in parts:
            return None
        return next((parts[:k] for k in range(1, len(parts)) if self._has("/".join(parts[k:]))), None)

    def _has(self, name: str) -> bool:
        folder, _, last = name.rpartition("/")
        if folder not in self._listings:
            self._listings[folder] = self._listed(folder)
        return last in self._listings[folder]

    def _listed(self, folder: str) -> frozenset[str]:
        try:
            with scandir(self._folder / folder) as entries:
                return frozenset(entry.name for entry in entries)
        except (OSError, ValueError):  # no such folder, or a name that none can have
            return frozenset()
