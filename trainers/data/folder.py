"""Checks that files named in data files stay inside the data's folders, by name and by link."""

import re
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from trainers.data.errors import DataError, show

FOLLOW_OR_SKIP = (
    "Set data.follow_links: true (--follow-links) to read what it leads to, put a copy in its place, or set "
    "data.on_bad_data: skip to leave the whole image out"
)


@dataclass(frozen=True)
class DataFolder:
    """A folder of images or annotations.

    allowed: the resolved paths of the data root and of the folder, in one of which a linked file must lie; None where
    a link may lead anywhere.
    """

    path: Path
    allowed: tuple[Path, Path] | None

    @classmethod
    def of(cls, root: Path, path: Path, follow_links: bool = False) -> "DataFolder":
        """The folder at `path` of the data below `root`. follow_links: whether links may lead outside."""
        return cls(path, None if follow_links else (root.resolve(), path.resolve()))

    def file(self, name: str, what: str, source: Path, verb: str = "names") -> Path:
        """The path of the file `name`. Errors call it a `what`, such as "image", that `source` names (or lists).

        Raises DataError for a name or a link that leads outside, and when there is no such file.
        """
        refuse_outside(source, name, verb)
        path = self.path / name
        try:
            if "/" not in name and stat.S_ISREG(path.lstat().st_mode):
                return path  # in the folder itself and no link: resolving would take most of the time
            regular = stat.S_ISREG(path.stat().st_mode)
            resolved = path.resolve()
        except OSError as error:
            raise DataError(path, f"the {what} can't be read ({error.strerror}); {source} {verb} it") from error
        if not regular:
            raise DataError(path, f"the {what} is no file; {source} {verb} it")
        if self.allowed is not None and not any(resolved.is_relative_to(place) for place in self.allowed):
            reason = f"the {what} is a link that leads outside the data folder; {source} {verb} it"
            raise DataError(path, reason, FOLLOW_OR_SKIP)
        return path


def refuse_outside(source: Path, name: str, verb: str) -> None:
    """Refuse (DataError) a name that is absolute, leads out of its folder, or depends on the operating system."""
    path = PurePosixPath(name)
    # The last range are surrogates, halves of a character: JSON can hold them, file names can't.
    strange = re.search(r"[\\\x00-\x1f\ud800-\udfff]|^[A-Za-z]:", name)
    if path.is_absolute() or ".." in path.parts or strange:
        raise DataError(source, f"{verb} {show(name)}, which leads outside the data folder")
