"""The files of a folder and its sub-folders by their names without ending."""

from collections.abc import Mapping
from pathlib import Path

from trainers.data.listing import file_names


class Stems:
    """Finds files below a folder by name without ending. Each sub-folder is listed once, when it is first asked for.

    Names are strings with `/` between folders, for speed: there may be a hundred thousand.
    """

    def __init__(self, folder: Path, *suffixes: str) -> None:
        self._folder, self._suffixes = folder, suffixes
        self._listed: dict[str, Mapping[str, list[str]]] = {}

    def named(self, stem: str) -> list[str]:
        """The files of a name, which may have folders before it, with any of the endings; paths below the folder."""
        parent, slash, name = stem.rpartition("/")
        return [f"{parent}{slash}{file}" for file in self._in(parent).get(name, ())]

    def __contains__(self, path: str) -> bool:
        parent, _, name = path.rpartition("/")
        return name in self._in(parent).get(name.rpartition(".")[0], ())

    def has_folder(self, folder: str) -> bool:
        """Whether files of these endings lie in a sub-folder, `.` being the folder itself."""
        return bool(self._in("" if folder == "." else folder))

    def _in(self, parent: str) -> Mapping[str, list[str]]:
        """The names in a sub-folder by stem."""
        if parent not in self._listed:
            by_stem: dict[str, list[str]] = {}
            for name in file_names(self._folder / parent, *self._suffixes):
                by_stem.setdefault(name.rpartition(".")[0], []).append(name)
            self._listed[parent] = by_stem
        return self._listed[parent]
