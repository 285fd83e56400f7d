"""What was accepted in data although it isn't as the format says: counted by kind, and reported."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

CLIPPED = "boxes that reached up to two pixels beyond their image were clipped to it"
OTHER_NAME = "annotations name another file than the picture of their image id, and that picture was read"
BY_FILENAME = "pictures were found by the <filename> of their annotations, since none has the name of the image id"
OTHER_PLACE = "file names lead to another machine, and the picture at their end was read"
SIZE_OF_PICTURE = "annotations had no usable size, and the picture's own was taken"
OTHER_SIZE = "pictures were one or two pixels off the size of their annotations, and their own size was taken"
TURNED = "pictures that EXIF data turn were read upright, and nothing says whether their boxes were drawn so"
NO_LABELS = "pictures without a label file were read as pictures without objects"
NO_HEIGHT = "objects without height or width were skipped"
REPEATED = "objects that a label file lists twice were read once"
GROUPING = "categories that only group others and own no object were taken as no class"


@dataclass(frozen=True)
class Remark:
    """A kind of deviation, how often it occurs, and the first file with it."""

    text: str
    count: int
    first: Path

    def __str__(self) -> str:
        return f"{self.text}: {self.count}, the first: {self.first}"


def merged(remarks: Iterable[Remark]) -> tuple[Remark, ...]:
    """One remark of each kind, with the sum of the counts and the first file of the first, in order of occurrence."""
    by_text: dict[str, Remark] = {}
    for remark in remarks:
        known = by_text.get(remark.text)
        by_text[remark.text] = remark if known is None else Remark(known.text, known.count + remark.count, known.first)
    return tuple(by_text.values())
