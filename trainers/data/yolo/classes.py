"""The class names of YOLO data: in its YAML, or in a text file with one in each line."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from trainers.data.errors import DataError, show
from trainers.data.layout import Parts, SetFiles
from trainers.data.listing import is_file, names_below
from trainers.data.yolo.data_yaml import find_data_yaml, read_data_yaml
from trainers.data.yolo.text import lines_of

CLASS_FILES = ("classes.txt", "obj.names")
"""Lists of class names, as annotation tools write them beside the labels."""

_NAME_THEM = "Name all classes in the order of their ids: data.classes, or --classes"


def yolo_classes(files: Parts) -> tuple[str, ...]:
    """The class names of an image set in the order of their ids. Raises DataError where no file names them."""
    named = [names_of(part) for part in files]
    if not all(named):
        files_of_names = "a data YAML with names, classes.txt or obj.names"
        reason = f"no file names its classes ({files_of_names}), and neither does data.classes or --classes"
        raise DataError(files[0].annotations, reason, _NAME_THEM)
    return tuple(dict.fromkeys(name for names in named for name in names))


def names_of(part: SetFiles) -> tuple[str, ...]:
    """The class names by id of a part of an image set; empty where no file names them. Raises DataError for a bad one.

    A YAML goes before a list; of lists the nearest to the labels.
    """
    described = find_data_yaml(part.root)
    names = () if described is None else read_data_yaml(described).names
    if names:
        return names
    found = next((file for folder in _folders_above(part) if (file := class_file(folder))), None)
    return () if found is None else _listed(found)


def label_names(folder: Path) -> Iterator[str]:
    """The label files in a folder and in those below it, as paths relative to it."""
    return (name for name in names_below(folder, ".txt") if name.rpartition("/")[2] not in CLASS_FILES)


def class_file(folder: Path) -> Path | None:
    """The list of class names in a folder."""
    return next((folder / name for name in CLASS_FILES if is_file(folder / name)), None)


def _folders_above(part: SetFiles) -> Sequence[Path]:
    """The folders where a list may lie: that of the labels, and those above it up to the root."""
    above = [part.annotations, *part.annotations.parents]
    return [folder for folder in above if folder.is_relative_to(part.root)] or above[:2]


def _listed(path: Path) -> tuple[str, ...]:
    try:
        names = tuple(lines_of(path))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(path, f"the class names can't be read ({error})", _NAME_THEM) from error
    while names and names[-1] == "":
        names = names[:-1]
    if "" in names:
        reason = f"line {names.index('') + 1} is empty, but each line names the class of an id"
        raise DataError(path, reason, _NAME_THEM)
    if twice := next((name for name, count in Counter(names).items() if count > 1), None):
        raise DataError(path, f"it lists the class {show(twice)} twice", _NAME_THEM)
    return names
