"""The YAML that describes a YOLO data set: its classes by id, and where its image sets lie."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import yaml

from trainers.data.errors import DataError, show
from trainers.data.listing import file_names
from trainers.data.yolo.text import text_of

USUAL_NAMES = ("data.yaml", "dataset.yaml", "data.yml", "dataset.yml")
SETS = {"train": "train", "val": "val", "validation": "val", "test": "test"}
"""The image sets by the keys that name their places."""

LARGEST = 1_000_000
"""The most bytes of a YAML that is looked at: the largest published one, with 1203 classes, has some 30 thousand."""

_WAY_OUT = "Correct the YAML"


@dataclass(frozen=True)
class DataYaml:
    """path: the file. base: the folder that it says its places count from, if it says one. places: by image set the
    folders of images or lists of image paths. names: the class names by id; empty where it names none. keypoints: how
    many columns of keypoints follow each box.
    """

    path: Path
    base: str | None
    places: Mapping[str, tuple[str, ...]]
    names: tuple[str, ...]
    keypoints: int


def find_data_yaml(root: Path) -> Path | None:
    """The YAML of the data below a root: one of the usual name, or the only one that has the keys of one.

    It looks for the keys in the text, so that a broken YAML is found, and its reader can say what is wrong.
    """
    for name in USUAL_NAMES:
        if _has_keys(root / name, "train"):
            return root / name
    others = [name for name in file_names(root, ".yaml", ".yml") if _has_keys(root / name, "train", "names")]
    return root / others[0] if len(others) == 1 else None


def _has_keys(path: Path, *keys: str) -> bool:
    try:
        if not path.is_file() or path.stat().st_size > LARGEST:
            return False
        text = text_of(path.read_bytes(), errors="replace")
    except OSError:
        return False
    begin = r"[{,]\s*" if text.lstrip().startswith("{") else "^"  # not the keys of a section
    return all(re.search(rf"{begin}[\"']?{key}[\"']?\s*:", text, re.MULTILINE) for key in keys)


def read_data_yaml(path: Path) -> DataYaml:
    """Read a data YAML. Raises DataError for one that is no YAML or says something that can't be."""
    try:
        content = yaml.safe_load(text_of(path.read_bytes()))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(path, f"the data YAML can't be read ({error})", _WAY_OUT) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a ValueError is of a date such as 2026-13-45
        mark = getattr(error, "problem_mark", None)
        where = f"broken YAML in line {mark.line + 1}, column {mark.column + 1}" if mark else "broken YAML"
        reason = getattr(error, "problem", None) or error
        raise DataError(path, f"{where}: {reason}", _WAY_OUT) from error
    if not isinstance(content, dict):
        raise DataError(path, f"the data YAML is {show(content)}, must have keys: train, val, names", _WAY_OUT)
    base = content.get("path")
    if base is not None and not _is_path(base):
        raise DataError(path, f"its path is {show(base)}, must be a folder", _WAY_OUT)
    places = {SETS[key]: _places(content[key], key, path) for key in SETS if content.get(key) not in (None, "", [])}
    if not places:
        raise DataError(path, "the data YAML names no image set: it has neither train, val nor test", _WAY_OUT)
    return DataYaml(path, base, places, _names(content, path), _keypoints(content.get("kpt_shape"), path))


def _places(value: Any, key: str, path: Path) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not all(_is_path(one) for one in values):
        raise DataError(path, f"its {key} is {show(value)}, must be a folder, a list of image paths, or some", _WAY_OUT)
    return tuple(values)


def _is_path(value: Any) -> bool:
    return isinstance(value, str) and re.search(r"[\x00-\x1f\ud800-\udfff]", value) is None and value.strip() != ""


def _names(content: Mapping[Any, Any], path: Path) -> tuple[str, ...]:
    """names is a list, or a mapping from each id to its name."""
    given = content.get("names")
    if given is None:
        return ()
    if isinstance(given, dict):
        if sorted(map(str, given)) != sorted(map(str, range(len(given)))):
            raise DataError(path, f"the ids of its names are {show(list(given))}, must be 0, 1, 2, ...", _WAY_OUT)
        given = [name for _, name in sorted(given.items(), key=lambda item: int(item[0]))]
    if not isinstance(given, list) or not given:
        raise DataError(path, f"its names are {show(given)}, must be a list of class names", _WAY_OUT)
    for name in given:
        if isinstance(name, bool) or not isinstance(name, str | int) or str(name).strip() == "":
            hint = "; YAML reads yes, no, on and off as true and false: put them in quotes" if name in (0, 1) else ""
            raise DataError(path, f"one of its names is {show(name)}, must be a class name{hint}", _WAY_OUT)
    names = tuple(str(name).strip() for name in given)
    if twice := next((name for name, count in Counter(names).items() if count > 1), None):
        raise DataError(path, f"its names have {show(twice)} twice", _WAY_OUT)
    count = content.get("nc", len(names))
    if str(count) != str(len(names)):
        raise DataError(path, f"its nc is {show(count)}, but it has {len(names)} names", _WAY_OUT)
    return names


def _keypoints(shape: Any, path: Path) -> int:
    """kpt_shape is the number of keypoints, and how many columns each has: x, y and perhaps whether it is visible."""
    if shape is None:
        return 0
    if not isinstance(shape, list) or len(shape) != 2 or not all(type(one) is int and one > 0 for one in shape):
        raise DataError(path, f"its kpt_shape is {show(shape)}, must be two whole numbers", _WAY_OUT)
    return prod(shape)
