"""Where COCO data lie: as MS COCO is unpacked, and as CVAT and Roboflow export them."""

import re
from collections.abc import Callable, Mapping
from os import scandir
from pathlib import Path

from trainers.data.layout import Layout, Parts, SetFiles
from trainers.data.listing import file_names, is_data_file

_OTHER_KINDS = ("instances_", "person_keypoints_", "captions_", "image_info_", "panoptic_", "stuff_")
"""What the names of COCO's own files begin with; of these, only instances files hold the boxes of all classes."""

_USUAL_SETS = re.compile(r"(train|val|trainval|valid|validation|test|test-dev|minival|default|all)([_-]?20\d\d)?", re.I)
"""Without a folder of its own, only a file of such a name is an image set: some tools write a JSON file an image."""


def _instances_own_folder(root: Path) -> Mapping[str, Parts]:
    """A set whose images are in none of the places is here, too: reading it says which folder is missing."""
    files = _instances(root)
    elsewhere = _in_images(root, files).keys() - _in_own_folder(root, files).keys()
    return {split: (SetFiles(root, path, root / split),) for split, path in files.items() if split not in elsewhere}


def _instances_in_images(root: Path) -> Mapping[str, Parts]:
    return _in_images(root, _instances(root))


def _plain_own_folder(root: Path) -> Mapping[str, Parts]:
    return _in_own_folder(root, _plain(root))


def _plain_in_images(root: Path) -> Mapping[str, Parts]:
    return _in_images(root, _plain(root))


def _roboflow(root: Path) -> Mapping[str, Parts]:
    try:
        with scandir(root) as entries:
            names = sorted(entry.name for entry in entries if is_data_file(entry.name) and entry.is_dir())
    except OSError:
        return {}
    files = {name: root / name / "_annotations.coco.json" for name in names}
    return {name: (SetFiles(root, path, path.parent),) for name, path in files.items() if _there(path.is_file)}


def _instances(root: Path) -> dict[str, Path]:
    stems = [stem for stem in _json_files(root) if stem.startswith("instances_")]
    files = {stem.removeprefix("instances_"): root / "annotations" / f"{stem}.json" for stem in stems}
    return {split: path for split, path in files.items() if split and is_data_file(split)}  # also no "." and no ".."


def _plain(root: Path) -> dict[str, Path]:
    """Files that are named like a set, if the set has a folder of images or a usual name."""
    return {
        split: root / "annotations" / f"{split}.json"
        for split in _json_files(root)
        if not split.startswith(_OTHER_KINDS)
        and split not in ("annotations", "images")  # these folders belong to no set
        and (_there((root / split).is_dir) or _there((root / "images" / split).is_dir) or _USUAL_SETS.fullmatch(split))
    }


def _json_files(root: Path) -> list[str]:
    """The names of the files in annotations/, without their ending."""
    return [name.removesuffix(".json") for name in file_names(root / "annotations", ".json") if name.endswith(".json")]


def _in_own_folder(root: Path, files: Mapping[str, Path]) -> dict[str, Parts]:
    there = {split: path for split, path in files.items() if _there((root / split).is_dir)}
    return {split: (SetFiles(root, path, root / split),) for split, path in there.items()}


def _in_images(root: Path, files: Mapping[str, Path]) -> dict[str, Parts]:
    """The folder images/<split>/; or images/ itself, for a set that has no folder of its own anywhere.

    Where images/<split> is a link to <split>, the two are no two readings.
    """
    folders = {}
    for split in files:
        own, nested = root / split, root / "images" / split
        if _there(nested.is_dir) and not (_there(own.is_dir) and own.samefile(nested)):
            folders[split] = nested
        elif _there((root / "images").is_dir) and not _there(own.is_dir):
            folders[split] = root / "images"
    return {split: (SetFiles(root, files[split], folder),) for split, folder in folders.items()}


def _one_floor_up(root: Path) -> str:
    """The way out for a root that is a part of COCO data: annotations/, or a set's folder of a Roboflow export."""
    names = [name for name in file_names(root, ".json") if name.startswith(("instances_", "_annotations.coco"))]
    return f"{root} holds {names[0]}: let --data or data.root name the folder above it" if names else ""


def _there(check: Callable[[], bool]) -> bool:
    """What a path's `is_dir` or `is_file` answers; False where a folder above may not be read."""
    try:
        return check()
    except OSError:
        return False


COCO_LAYOUTS = (
    Layout("annotations/instances_<split>.json with images in <split>/", _instances_own_folder, _one_floor_up),
    Layout("annotations/instances_<split>.json with images in images/<split>/ or images/", _instances_in_images),
    Layout("annotations/<split>.json with images in <split>/", _plain_own_folder),
    Layout("annotations/<split>.json with images in images/<split>/ or images/", _plain_in_images),
    Layout("<split>/_annotations.coco.json beside its images", _roboflow),
)
