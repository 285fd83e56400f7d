"""Where VisDrone data lie: VisDrone2019-DET-<split>/{annotations,images}."""

from collections.abc import Mapping
from pathlib import Path

from trainers.data.layout import Layout, Parts, SetFiles

_PREFIX = "VisDrone2019-DET-"


def _by_long_name(root: Path) -> Mapping[str, Parts]:
    folders = {path.name.removeprefix(_PREFIX): path for path in root.glob(f"{_PREFIX}*") if path.is_dir()}
    return {split: (SetFiles(root, folder / "annotations", folder / "images"),) for split, folder in folders.items()}


VISDRONE_LAYOUTS = (Layout(f"{_PREFIX}<split> with annotations and images", _by_long_name),)
