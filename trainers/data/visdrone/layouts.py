"""Where VisDrone data lie: a folder of annotations and a folder of images for each image set."""

import re
from collections.abc import Mapping
from pathlib import Path

from trainers.data.layout import Layout, Parts, SetFiles
from trainers.data.listing import file_names, folders_in, is_folder

_LONG_NAME = re.compile(r"VisDrone[0-9]{4}-DET-(.+)")


def _by_long_name(root: Path) -> Mapping[str, Parts]:
    """The folders as published, whatever is in them. Of two years both keep their long names."""
    long_names = {folder: match[1] for folder in folders_in(root) if (match := _LONG_NAME.fullmatch(folder.name))}
    names = list(long_names.values())
    return {
        name if names.count(name) == 1 else folder.name: _in_folder(root, _unpacked(folder))
        for folder, name in long_names.items()
    }


def _by_short_name(root: Path) -> Mapping[str, Parts]:
    folders = [folder for folder in folders_in(root) if not _LONG_NAME.fullmatch(folder.name)]
    return {
        folder.name: _in_folder(root, _unpacked(folder))
        for folder in folders
        if is_folder(_unpacked(folder) / "images") and _has_texts(_unpacked(folder) / "annotations")
    }


def _by_kind(root: Path) -> Mapping[str, Parts]:
    images, annotations = root / "images", root / "annotations"
    names = [folder.name for folder in folders_in(images) if _has_texts(annotations / folder.name)]
    return {name: (SetFiles(root, annotations / name, images / name),) for name in names}


def _unpacked(folder: Path) -> Path:
    """The folder, or the one of its own name within it, into which some programs unpack."""
    return folder / folder.name if is_folder(folder / folder.name / "annotations") else folder


def _in_folder(root: Path, folder: Path) -> Parts:
    return (SetFiles(root, folder / "annotations", folder / "images"),)


def _has_texts(folder: Path) -> bool:
    """Whether there are annotations of VisDrone's kind; those of VOC are XML, and COCO's JSON."""
    return bool(file_names(folder, ".txt"))


def _above(root: Path) -> str:
    """The way out where the root is the folder of one set."""
    is_set = _LONG_NAME.fullmatch(root.absolute().name) and is_folder(root / "annotations")
    return f"Name the folder above it, {root.absolute().parent}, which holds the folders of the sets" if is_set else ""


VISDRONE_LAYOUTS = (
    Layout("VisDrone2019-DET-<set> with annotations and images", _by_long_name, _above),
    Layout("<set>/images with <set>/annotations, of text files", _by_short_name),
    Layout("images/<set> with annotations/<set>, of text files", _by_kind),
)
