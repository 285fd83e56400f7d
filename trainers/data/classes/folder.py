"""Finds the pictures of a folder that has a sub folder for each class, as torchvision's ImageFolder has them."""

from dataclasses import dataclass
from pathlib import Path

from trainers.data.errors import DataError
from trainers.data.listing import IMAGE_SUFFIXES, folders_in, is_folder, names_below

LAYOUT = "A picture lies in ROOT/SET/CLASS, as in ROOT/train/cat/1.jpg"
LEAST_CLASSES = 2
SHOWN = 5
"""Names in a message."""


@dataclass(frozen=True)
class Labelled:
    """The pictures of a set in the order of their classes and names.

    files: places below `folder`. labels: for each the number of its class, counted from 0. classes: all names, sorted.
    """

    folder: Path
    files: tuple[str, ...]
    labels: tuple[int, ...]
    classes: tuple[str, ...]


def find_pictures(root: Path, split: str, classes: tuple[str, ...] | None = None) -> Labelled:
    """The pictures of the set `split` below `root`; hidden files and folders count for nothing.

    Without `classes` every sub folder is one, must have pictures, and there must be two or more. With `classes`, those
    of the set that is trained on, there may be no others; some may lack pictures. Raises DataError otherwise.
    """
    folder = root / split
    if not is_folder(root):
        raise DataError(root, "there is no such folder", f"Name the folder that holds the sets. {LAYOUT}")
    if not is_folder(folder):
        there = _listed([one.name for one in folders_in(root)]) or "no folder at all"
        raise DataError(root, f"it has no set {split!r} but {there}", f"Name a folder in it. {LAYOUT}")
    found = {one.name: list(names_below(one, *IMAGE_SUFFIXES)) for one in folders_in(folder)}
    if not found:
        raise DataError(folder, "it has no sub folders, so no classes", LAYOUT)
    known = tuple(found) if classes is None else classes
    if classes is None:
        _check_training(folder, found)
    labels = {name: label for label, name in enumerate(known)}
    if strangers := [name for name, names in found.items() if name not in labels and names]:
        reason = f"it has {len(strangers)} classes that the training set lacks: {_listed(strangers)}"
        raise DataError(folder, reason, "Remove them here, or add them there")
    pairs = [(f"{name}/{file}", labels[name]) for name, files in found.items() for file in files]
    if not pairs:
        raise DataError(folder, "it has no pictures", f"{LAYOUT}. Endings are {', '.join(IMAGE_SUFFIXES)}")
    return Labelled(folder, tuple(file for file, _ in pairs), tuple(label for _, label in pairs), known)


def _check_training(folder: Path, found: dict[str, list[str]]) -> None:
    """Whether a classifier can be trained on these pictures by class."""
    if len(found) < LEAST_CLASSES:
        reason = f"it has one class, {next(iter(found))!r}, and a classifier needs two or more"
        raise DataError(folder, reason, LAYOUT)
    if empty := [name for name, files in found.items() if not files]:
        reason = f"{len(empty)} of its classes have no pictures: {_listed(empty)}"
        raise DataError(folder, reason, f"Add some or remove them. Endings are {', '.join(IMAGE_SUFFIXES)}")


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(map(repr, names[:SHOWN]))}{more}" if names else ""
