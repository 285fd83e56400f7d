"""Checks that files named in data files stay inside the data's folders, by name and by link."""

import re
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from trainers.data.errors import DataError, show


@dataclass(frozen=True)
class DataFolder:
    """A folder of images or annotations. A file in it may be a link to a place in it or below the data root."""

    path: Path
    allowed: tuple[Path, Path]
    """The resolved paths of the root and of the folder."""

    @classmethod
    def of(cls, root: Path, path: Path) -> "DataFolder":
        """The folder at `path`, which belongs to the data below `root`."""
        return cls(path, (root.resolve(), path.resolve()))

    def file(self, name: str, what: str, source: Path, verb: str = "names") -> Path:
        """The path of the file `name`. Errors call it a `what`, such as "image", that `source` names (or lists).

        Raises DataError for a name or a link that leads outside, and when there is no such file.
        """
        refuse_outside(source, name, verb)
        path = self.path / name
        try:
            regular = stat.S_ISREG(path.stat().st_mode)
            resolved = path.resolve()
        except OSError as error:
            raise DataError(path, f"the {what} can't be read ({error.strerror}); {source} {verb} it") from error
        if not regular:
            raise DataError(path, f"the {what} is no file; {source} {verb} it")
        if not any(resolved.is_relative_to(place) for place in self.allowed):
            raise DataError(path, f"the {what} is a link that leads outside the data folder; {source} {verb} it")
        return path


def refuse_outside(source: Path, name: str, verb: str) -> None:
    """Refuse (DataError) a name that is absolute, leads out of its folder, or depends on the operating system."""
    path = PurePosixPath(name)
    # The last range are surrogates, halves of a character: JSON can hold them, file names can't.
    strange = re.search(r"[\\\x00-\x1f\ud800-\udfff]|^[A-Za-z]:", name)
    if path.is_absolute() or ".." in path.parts or strange:
        raise DataError(source, f"{verb} {show(name)}, which leads outside the data folder")
