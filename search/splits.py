"""From the data section of a config to decoded images."""

import os
from pathlib import Path

from search.config import Config
from search.run_folder import RunFolder
from trainers.data.batches import balanced_indices
from trainers.data.decoded import Decoded, decode
from trainers.data.errors import DataError
from trainers.data.shapes import SHAPE_CLASSES, write_shapes
from trainers.data.voc import VOC_CLASSES, read_voc
from trainers.seeding import seeded

VOC_ROOT_VARIABLE = "BITFRONT_VOC_ROOT"


def class_names(config: Config) -> tuple[str, ...]:
    """The classes in the order of their labels 1..C."""
    if config.data.classes is not None:
        return tuple(config.data.classes)
    return SHAPE_CLASSES if config.data.format == "shapes" else VOC_CLASSES


def load_split(config: Config, folder: RunFolder, data_root: Path | None, split: str) -> Decoded:
    """Read and decode one image set. Generated data is written to the run folder first, where it isn't there yet.

    Raises DataError for a defect, or skips it, as `data.on_bad_data` says.
    """
    root = prepare_root(config, folder, data_root)
    data = config.data
    listed = read_voc(root, split, year=data.year, class_names=class_names(config), on_bad_data=data.on_bad_data)
    return decode(listed, data.image_size, memory_limit_mb=data.memory_limit_mb, on_bad_data=data.on_bad_data)


def decode_voc(root: Path, split: str, classes: tuple[str, ...], size: int, year: str) -> Decoded:
    """An image set in VOC layout at another place than the config's; every defect is an error."""
    return decode(read_voc(root, split, year=year, class_names=classes), size)


def load_subset(config: Config, folder: RunFolder, data_root: Path | None) -> Decoded:
    """The images that candidates are scored on: all of `data.val`, or a class-balanced seeded part of it."""
    val = load_split(config, folder, data_root, config.data.val)
    wanted = config.data.val_images
    if wanted is None or wanted >= len(val):
        return val
    return val.subset(balanced_indices(val, wanted, seeded(config.seed, "val_images")))


def prepare_root(config: Config, folder: RunFolder, data_root: Path | None) -> Path:
    """The folder that holds VOCdevkit: the config's, else the argument, else BITFRONT_VOC_ROOT; or generated data."""
    data = config.data
    if data.format == "voc":
        return _voc_root(Path(data.root) if data.root else data_root)
    root = Path(data.root) if data.root else folder.data
    sizes = {"train": data.shapes.train, "val": data.shapes.val, "test": data.shapes.test}
    write_shapes(root, sizes=sizes, image_size=data.shapes.image_size, seed=seeded(config.seed, "shapes"))
    return root


def _voc_root(given: Path | None) -> Path:
    root = given or (Path(named) if (named := os.environ.get(VOC_ROOT_VARIABLE)) else None)
    if root is None:
        raise DataError(
            "the VOC data",
            "no folder was named",
            f"Name the folder that holds VOCdevkit: data.root in the config, --data, or {VOC_ROOT_VARIABLE}",
        )
    return root
