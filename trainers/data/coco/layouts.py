"""Where COCO data lie: annotations/instances_<split>.json with the images in <split>/."""

from collections.abc import Mapping
from pathlib import Path

from trainers.data.layout import Layout, Parts, SetFiles


def _by_split(root: Path) -> Mapping[str, Parts]:
    files = {path.stem.removeprefix("instances_"): path for path in (root / "annotations").glob("instances_*.json")}
    return {split: (SetFiles(root, path, root / split),) for split, path in files.items()}


COCO_LAYOUTS = (Layout("annotations/instances_<split>.json with images in <split>/", _by_split),)
