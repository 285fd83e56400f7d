"""The files of a folder and its sub-folders by their names without ending."""

from pathlib import Path, PurePosixPath

from trainers.data.listing import file_names


class Stems:
    """Finds files below a folder by name without ending. Each sub-folder is listed once, when it is first asked for."""

    def __init__(self, folder: Path, *suffixes: str) -> None:
        self._folder, self._suffixes = folder, suffixes
        self._listed: dict[str, dict[str, list[str]]] = {}

    def named(self, stem: str) -> list[str]:
        """The files of a name, which may have folders before it, with any of the endings; paths below the folder."""
        path = PurePosixPath(stem)
        return [str(path.with_name(name)) for name in self._in(path.parent).get(path.name, ())] if path.name else []

    def __contains__(self, name: str) -> bool:
        path = PurePosixPath(name)
        return path.name in self._in(path.parent).get(path.stem, ())

    def _in(self, parent: PurePosixPath) -> dict[str, list[str]]:
        """The names in a sub-folder by stem."""
        key = str(parent)
        if key not in self._listed:
            by_stem: dict[str, list[str]] = {}
            for name in file_names(self._folder / key, *self._suffixes):
                by_stem.setdefault(PurePosixPath(name).stem, []).append(name)
            self._listed[key] = by_stem
        return self._listed[key]
