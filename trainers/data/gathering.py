"""The loop over images that the readers of all formats share, with one policy for bad images."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from trainers.data.errors import REPAIR_OR_SKIP, DataError, NothingUsableError, OnBadData, StrayError, check_on_bad_data
from trainers.data.sample import Defect, DetectionData, Sample

Entry = TypeVar("Entry")


def gather(
    entries: Iterable[Entry],
    read: Callable[[Entry], Sample],
    *,
    class_names: Sequence[str],
    source: Path,
    way_out: str,
    on_bad_data: OnBadData,
) -> DetectionData:
    """Read every entry. A bad one raises DataError, or with on_bad_data="skip" is left out whole and listed.

    A StrayError is listed too, but doesn't count as an image left out.

    If no image is usable, NothingUsableError is raised in either case, for `source`, the list or folder of the entries;
    `way_out` says what may help, unless the first defect has a way out of its own.
    """
    check_on_bad_data(on_bad_data)
    samples: list[Sample] = []
    defects: list[Defect] = []
    left_out = 0
    ways_out: list[str] = []
    for entry in entries:
        try:
            samples.append(read(entry))
        except DataError as error:
            if on_bad_data == "error":
                raise
            ways_out.append(error.way_out)
            defects += [Defect(Path(each.where), each.reason) for each in (error, *error.also)]
            left_out += not isinstance(error, StrayError)
    if not samples:
        if not left_out and not defects:
            raise NothingUsableError(source, "it lists no image", "Choose another split, or fill this one")
        first = f"; the first defect: {defects[0].path}: {defects[0].reason}" if defects else ""
        reason = f"none of the {left_out} images listed is usable{first}"
        own = next((one for one in ways_out[:1] if one != REPAIR_OR_SKIP), way_out)
        raise NothingUsableError(source, reason, own, defects)
    return DetectionData(tuple(class_names), tuple(samples), tuple(defects), left_out)
