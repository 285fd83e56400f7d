"""Which picture a file name in an instances file means."""

import re
from os import scandir
from pathlib import Path, PurePosixPath


class PictureNames:
    """Finds the pictures of a folder by the names that an instances file has for them.

    Each folder is listed once, since a set may have a hundred thousand images.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._listings: dict[str, frozenset[str]] = {}

    def find(self, file_name: str) -> str:
        """The name of the picture in the folder, with slashes, and one name for one file: `./a.jpg` is `a.jpg`.

        If there is no such file, the name may begin with this folder's own or a path to it (`train/a.jpg`), or be a
        full path on another machine, of which the longest end that is there counts. A name that is nowhere comes back
        as it is, but with slashes, so that opening the file says what is missing.
        """
        name = file_name.replace("\\", "/")
        full = re.match("/|[A-Za-z]:", name) is not None
        if "/" not in name and not full:
            return name
        parts = PurePosixPath(name).parts
        if ".." in parts:
            return name
        ends = [parts[k:] for k in range(1, len(parts)) if full or parts[k - 1] == self._folder.name]
        candidates = ["/".join(end) for end in (ends if full else [parts, *ends])]
        return next((end for end in candidates if self._has(end)), name if full else candidates[0])

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
