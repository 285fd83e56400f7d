"""Where VOC data lie: in VOCdevkit, in one folder with Annotations and JPEGImages, or in a folder a set."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from os import scandir
from pathlib import Path

from trainers.data.layout import Layout, Parts, SetFiles
from trainers.data.listing import IMAGE_SUFFIXES, file_names, folders_in, is_data_file, is_folder
from trainers.data.voc.lists import is_of_one_class

DEFAULT_YEAR = "2007"

_LISTS_BESIDE_FOLDERS = ("train", "val", "valid", "validation", "trainval", "test", "eval")
"""The names of lists outside ImageSets: other text files there are notes, or the names of classes."""

_YEAR_FOLDER = re.compile(r"VOC(\d{4})")


def voc_layouts(year: str) -> tuple[Layout, ...]:
    """The layouts of VOC data of a year, or of years as in "2007+2012", which only VOCdevkit has."""
    years = year.split("+")
    in_root, in_devkit = (" and ".join(f"{place}VOC{one}" for one in years) for place in ("", "VOCdevkit/"))
    contents = "with Annotations, ImageSets/Main and JPEGImages"
    devkit = (
        Layout(f"{in_devkit} {contents}", partial(_sets_of_years, years=years, below="VOCdevkit"), other_years),
        Layout(f"{in_root} {contents}", partial(_sets_of_years, years=years, below=""), other_years),
    )
    if len(years) > 1:
        return devkit
    return (
        *devkit,
        Layout("Annotations and JPEGImages (or annotations and images)", partial(_sets_of_folder, year=year)),
        Layout("a folder a set, with XML files beside its images or in annotations and images", _folders_of_sets),
    )


def other_years(root: Path) -> str:
    """The way out where a root has other years than those asked for; empty where it has none."""
    places = (root / "VOCdevkit", root)
    years = sorted({found[1] for place in places for name in _sub_folders(place) if (found := _year_in(name))})
    return f"Set data.year (--year) to what is there: {', '.join(years)}" if years else ""


def _sets_of_years(root: Path, *, years: list[str], below: str) -> Mapping[str, Parts]:
    """Of several years those that have the set, in their order; image ids begin with the year then."""
    sets: dict[str, Parts] = {}
    for year in years:
        of_year = _sets(root, root / below / f"VOC{year}", f"{year}/" if len(years) > 1 else "")
        if not of_year:
            return {}
        for name, part in of_year.items():
            sets[name] = (*sets.get(name, ()), part)
    return sets


def _sets_of_folder(root: Path, *, year: str) -> Mapping[str, Parts]:
    """A folder of a year is read for the default year too, which nobody has to ask for."""
    of_year = _year_in(root.absolute().name)
    if of_year and year not in (of_year[1], DEFAULT_YEAR):
        return {}
    return {name: (part,) for name, part in _sets(root, root, "").items()}


def _sets(root: Path, folder: Path, prefix: str) -> Mapping[str, SetFiles]:
    """By the lists of a folder with Annotations and JPEGImages; without a list all its annotations, or by sub-folder.

    Lists in ImageSets/Main are VOC's alone. Anywhere else it takes an XML file to tell VOC from other formats.
    """
    annotations, images = _two_folders(folder)
    whole = SetFiles(root, annotations, images, None, prefix)
    if lists := _lists(folder / "ImageSets" / "Main"):
        return {path.stem: replace(whole, ids=path) for path in lists}
    if not (is_folder(annotations) and is_folder(images)):
        return {}
    lists = _lists(folder / "ImageSets") or _lists(folder, *_LISTS_BESIDE_FOLDERS)
    by_list = {path.stem: replace(whole, ids=path) for path in lists}
    if _has_file(annotations, ".xml"):
        return by_list or {"all": whole}
    names = [name for name in _sub_folders(annotations) if _has_file(annotations / name, ".xml")]
    by_folder = {
        name: replace(whole, annotations=annotations / name, images=images / name)
        for name in names
        if is_folder(images / name)
    }
    return by_list if names and by_list.keys() - by_folder.keys() else by_folder


def _folders_of_sets(root: Path) -> Mapping[str, Parts]:
    """The sub-folders with XML files and images, or those of the sub-folder images; else the root itself, as "all"."""
    for place in (root, root / "images"):
        if sets := dict(_set_folders(root, place)):
            return sets
    return {"all": (SetFiles(root, root, root),)} if _has_file(root, ".xml") and _has_images(root) else {}


def _set_folders(root: Path, place: Path) -> Iterator[tuple[str, Parts]]:
    for name in _sub_folders(place):
        folder = place / name
        annotations, images = _two_folders(folder)
        if _year_in(name) or is_folder(folder / "ImageSets"):  # these are whole data sets
            continue
        if _has_file(folder, ".xml") and _has_images(folder):
            yield name, (SetFiles(root, folder, folder),)
        elif is_folder(images) and _has_file(annotations, ".xml"):
            yield name, (SetFiles(root, annotations, images),)


def _two_folders(folder: Path) -> tuple[Path, Path]:
    """The folders of annotations and of images, however their names are written, or else as VOC has them."""
    by_name = {name.lower(): folder / name for name in reversed(_sub_folders(folder))}  # capitals go first
    annotations = by_name.get("annotations", folder / "Annotations")
    return annotations, by_name.get("jpegimages", by_name.get("images", folder / "JPEGImages"))


def _year_in(name: str) -> re.Match[str] | None:
    return _YEAR_FOLDER.fullmatch(name)


def _lists(folder: Path, *names: str) -> list[Path]:
    """The lists of images in a folder, all or those of some names, without those of one class."""
    paths = [folder / name for name in file_names(folder, ".txt")]
    return [path for path in paths if (not names or path.stem in names) and not is_of_one_class(path)]


def _sub_folders(folder: Path) -> list[str]:
    return [path.name for path in folders_in(folder)]


def _has_images(folder: Path) -> bool:
    return _has_file(folder, *IMAGE_SUFFIXES)


def _has_file(folder: Path, *suffixes: str) -> bool:
    """Whether a folder has a data file with one of these endings; it stops at the first."""
    try:
        with scandir(folder) as entries:
            return any(is_data_file(entry.name) and entry.name.lower().endswith(suffixes) for entry in entries)
    except OSError:
        return False
