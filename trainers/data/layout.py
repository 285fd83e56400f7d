"""How the files of image sets lie below a folder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SetFiles:
    """Where the files of an image set lie.

    root: the folder that no name or link in the data may lead out of, besides the two folders themselves. annotations:
    a folder of annotation files, or the one file with all. images: the folder of the images. ids: the list of its
    image ids; where it is None every annotation belongs to the set. prefix: what image ids begin with. follow_links:
    whether a link may lead outside.
    """

    root: Path
    annotations: Path
    images: Path
    ids: Path | None = None
    prefix: str = ""
    follow_links: bool = False


Parts = tuple[SetFiles, ...]
"""An image set: one part, or several, such as VOC's years."""


def _nothing_known(root: Path) -> str:
    return ""


@dataclass(frozen=True)
class Layout:
    """One way in which data of a format lie below a folder.

    title: what is where, as in "images/ and labels/ with a folder a set"; it ends a sentence that begins with "looked
    for". sets: the image sets below a root that lie in this way, by name; it reads no annotation and raises nothing.
    way_out: what may help where a root has no such set, or an empty text.
    """

    title: str
    sets: Callable[[Path], Mapping[str, Parts]]
    way_out: Callable[[Path], str] = _nothing_known


@dataclass(frozen=True)
class NamedFiles:
    """Annotations and folders of images that a user names, by image set: they replace what a layout says."""

    annotations: Mapping[str, Path]
    images: Mapping[str, Path]

    @property
    def sets(self) -> frozenset[str]:
        """The image sets of which something is named."""
        return frozenset(self.annotations) | frozenset(self.images)


NOTHING_NAMED = NamedFiles({}, {})
