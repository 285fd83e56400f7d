"""Where VOC data lie: VOCdevkit/VOC<year>/{Annotations,ImageSets/Main,JPEGImages}."""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from trainers.data.errors import DataError
from trainers.data.layout import Layout, Parts, SetFiles

_PER_CLASS_LINE = re.compile(r"\S+\s+(-1|0|1)")


def voc_layouts(year: str) -> tuple[Layout, ...]:
    """The layouts of VOC data of a year, or of years as in "2007+2012"."""
    folders = " and ".join(f"VOCdevkit/VOC{one}" for one in year.split("+"))
    return (Layout(f"{folders} with Annotations, ImageSets/Main and JPEGImages", partial(_devkit_sets, year=year)),)


def _devkit_sets(root: Path, *, year: str) -> Mapping[str, Parts]:
    """Of several years those that have the list, in their order; image ids begin with the year then."""
    sets: dict[str, Parts] = {}
    folders = {one: root / "VOCdevkit" / f"VOC{one}" for one in year.split("+")}
    if not all((folder / "ImageSets" / "Main").is_dir() for folder in folders.values()):
        return {}
    for one, folder in folders.items():
        prefix = f"{one}/" if "+" in year else ""
        for ids in image_lists(folder):
            part = SetFiles(root, folder / "Annotations", folder / "JPEGImages", ids, prefix)
            sets[ids.stem] = (*sets.get(ids.stem, ()), part)
    return sets


def image_lists(folder: Path) -> list[Path]:
    """The lists in ImageSets/Main, without those of one class, which have a flag behind each id."""
    return [path for path in sorted((folder / "ImageSets" / "Main").glob("*.txt")) if not _is_of_one_class(path)]


def listed_ids(path: Path) -> list[str]:
    """The lines of a list. Raises DataError for one that can't be read."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        way_out = "It must be text, one image id per line"
        raise DataError(path, f"the image set can't be read ({error})", way_out) from error
    return [line.strip() for line in lines if line.strip()]


def _is_of_one_class(path: Path) -> bool:
    """Whether a list flags for each image if a class is in it; False for a list that can't be read."""
    try:
        return _has_flags(listed_ids(path))
    except DataError:
        return False


def _has_flags(lines: Sequence[str]) -> bool:
    return bool(lines) and all(_PER_CLASS_LINE.fullmatch(line) for line in lines)
