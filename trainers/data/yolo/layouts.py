"""Where YOLO data lie: as a data YAML says, in folders of images and labels, or in lists of image paths."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from trainers.data.errors import DataError
from trainers.data.layout import Layout, Parts, SetFiles
from trainers.data.listing import IMAGE_SUFFIXES, file_names, folders_in, images_by_stem, is_file, is_folder
from trainers.data.yolo.classes import class_file, label_names
from trainers.data.yolo.data_yaml import DataYaml, find_data_yaml, read_data_yaml
from trainers.data.yolo.places import as_labels, place_below
from trainers.data.yolo.text import text_of

ALL = "all"
"""The one image set of data that aren't divided."""

_LONGEST = 4096
"""How many bytes of a text are read to see whether it is a list; no path is longer."""


def _by_yaml(root: Path) -> Mapping[str, Parts]:
    path = find_data_yaml(root)
    if path is None:
        return {}
    try:
        described = read_data_yaml(path)
    except DataError:
        return {"train": (SetFiles(root, path, root),)}  # whoever reads this set hears what is wrong with the YAML
    bases = _bases(root, described)
    return {name: _parts(root, bases, places) for name, places in described.places.items()}


def _bases(root: Path, described: DataYaml) -> tuple[Path, ...]:
    """What the places of a YAML count from: its `path`, which may be of another machine, or its own folder."""
    if described.base is None:
        return (root,)
    stated = place_below(root, [root], described.base)
    return (stated, root) if is_folder(stated) else (root,)


def _parts(root: Path, bases: tuple[Path, ...], places: tuple[str, ...]) -> Parts:
    return tuple(_part(root, place_below(root, bases, one), several=len(places) > 1) for one in places)


def _part(root: Path, place: Path, several: bool) -> SetFiles:
    if is_file(place):
        return SetFiles(root, place, root)
    prefix = f"{place.relative_to(root).as_posix()}/" if several else ""
    labels = root.joinpath(*as_labels(place.relative_to(root).parts))
    if labels == place and is_folder(place / "images"):
        place, labels = place / "images", place / "labels"
    return SetFiles(root, labels, place, prefix=prefix)


def _by_kind(root: Path) -> Mapping[str, Parts]:
    images, labels = root / "images", root / "labels"
    names = [folder.name for folder in folders_in(images) if _has_labels(labels / folder.name)]
    return {name: (SetFiles(root, labels / name, images / name),) for name in names}


def _by_set(root: Path) -> Mapping[str, Parts]:
    folders = [folder for folder in folders_in(root) if is_folder(folder / "images") and _has_labels(folder / "labels")]
    return {folder.name: (SetFiles(root, folder / "labels", folder / "images"),) for folder in folders}


def _by_list(root: Path) -> Mapping[str, Parts]:
    if not is_folder(root / "labels") and class_file(root) is None:
        return {}
    labels = images_by_stem(root).keys()
    paths = [root / name for name in file_names(root, ".txt")]
    return {path.stem: (SetFiles(root, path, root),) for path in paths if path.stem not in labels and _is_list(path)}


def _undivided(root: Path) -> Mapping[str, Parts]:
    files = SetFiles(root, root / "labels", root / "images")
    divided = _by_kind(root) or _by_list(root)
    return {ALL: (files,)} if not divided and is_folder(files.images) and _has_labels(files.annotations) else {}


def _beside(root: Path) -> Mapping[str, Parts]:
    """Where there is a list of class names, since the texts beside images can be anything."""
    if class_file(root) is None or _by_list(root):
        return {}
    if _has_pairs(root):
        return {ALL: (SetFiles(root, root, root),)}
    folders = {folder.name: folder for folder in folders_in(root)}
    return {name: (SetFiles(root, folder, folder),) for name, folder in folders.items() if _has_pairs(folder)}


def _besides_yaml(find: Callable[[Path], Mapping[str, Parts]], root: Path) -> Mapping[str, Parts]:
    """The sets of folders or lists, without those of which the YAML speaks, by name or by place."""
    described = _by_yaml(root)
    known = {part.annotations for parts in described.values() for part in parts}
    return {
        name: parts
        for name, parts in find(root).items()
        if name not in described and known.isdisjoint(part.annotations for part in parts)
    }


def _has_labels(folder: Path) -> bool:
    return next(label_names(folder), None) is not None


def _has_pairs(folder: Path) -> bool:
    texts = {name.removesuffix(".txt") for name in file_names(folder, ".txt")}
    return not texts.isdisjoint(images_by_stem(folder))


def _is_list(path: Path) -> bool:
    """Whether the first line of a text is the name of an image."""
    try:
        with path.open("rb") as file:
            begin = text_of(file.read(_LONGEST), errors="replace")
    except OSError:
        return False
    first = next(filter(None, map(str.strip, begin.splitlines())), "")
    return first.lower().endswith(IMAGE_SUFFIXES)


YOLO_LAYOUTS = (
    Layout("a data YAML with train, val and names", _by_yaml),
    Layout("images/<set> with labels/<set>", partial(_besides_yaml, _by_kind)),
    Layout("<set>/images with <set>/labels", partial(_besides_yaml, _by_set)),
    Layout("<set>.txt with the paths of images", partial(_besides_yaml, _by_list)),
    Layout(f"images with labels, as the set {ALL!r}", partial(_besides_yaml, _undivided)),
    Layout("classes.txt and images with their labels beside them", partial(_besides_yaml, _beside)),
)
