"""From the data section of a config to decoded images."""

import os
from itertools import combinations
from pathlib import Path

from search.config import Config, ConfigError
from search.run_folder import RunFolder
from spaces.published import NAMES
from trainers.data.batches import balanced_indices
from trainers.data.decoded import Decoded, decode
from trainers.data.errors import DataError
from trainers.data.shapes import SHAPE_CLASSES, write_shapes
from trainers.data.voc import VOC_CLASSES, image_set_ids, read_voc
from trainers.seeding import seeded

VOC_ROOT_VARIABLE = "BITFRONT_VOC_ROOT"


def settled(config: Config, data_root: Path | None) -> Config:
    """The config with absolute places for all files that it reads, so that it means the same from every folder.

    The folder of VOC data is `data_root` (the command line's --data), else the config's, else BITFRONT_VOC_ROOT.
    Raises DataError when none of them names one, and ConfigError when `data_root` comes with generated data.
    """
    data, named = config.data, data_root
    if data.format == "shapes":
        if data_root is not None:
            raise ConfigError("--data was given, but data.format is shapes, whose images are generated. Leave it out.")
        named = Path(data.root) if data.root else None
    elif named is None:
        named = _named_root(data.root)
    teachers = {
        name: teacher.model_copy(update={"weights": _absolute(teacher.weights)})
        for name, teacher in config.teachers.items()
    }
    changes = {
        "data": data.model_copy(update={"root": _absolute(named)}),
        "student": config.student.model_copy(update={"weights": _absolute(config.student.weights)}),
        "teachers": teachers,
    }
    return config.model_copy(update=changes)


def class_names(config: Config) -> tuple[str, ...]:
    """The classes in the order of their labels 1..C."""
    if config.data.classes is not None:
        return tuple(config.data.classes)
    return SHAPE_CLASSES if config.data.format == "shapes" else VOC_CLASSES


def prepare_root(config: Config, folder: RunFolder) -> Path:
    """The folder that holds VOCdevkit; generated data is written to it first, where it isn't there yet.

    Raises DataError when one of the three image sets isn't there, or two of them share images.
    """
    data = config.data
    root = Path(data.root) if data.root else folder.data
    if data.format == "shapes":
        sizes = {"train": data.shapes.train, "val": data.shapes.val, "test": data.shapes.test}
        write_shapes(root, sizes=sizes, image_size=data.shapes.image_size, seed=seeded(config.seed, "shapes"))
    listed = {split: set(image_set_ids(root, split, year=data.year)) for split in (data.train, data.val, data.test)}
    for one, other in combinations(listed, 2):
        if common := listed[one] & listed[other]:
            raise DataError(
                root,
                f"the image sets {one} and {other} share {len(common)} images, {min(common)} among them",
                "Figures on images that were trained on mean nothing; name sets that share none in data.train, "
                "data.val and data.test",
            )
    return root


def load_split(config: Config, folder: RunFolder, split: str) -> Decoded:
    """Read and decode one image set. Raises DataError for a defect, or skips it, as `data.on_bad_data` says."""
    data = config.data
    root = Path(data.root) if data.root else folder.data
    listed = read_voc(root, split, year=data.year, class_names=class_names(config), on_bad_data=data.on_bad_data)
    return decode(listed, data.image_size, memory_limit_mb=data.memory_limit_mb, on_bad_data=data.on_bad_data)


def load_measured(config: Config, folder: RunFolder, split: str) -> Decoded:
    """As `load_split`, for images that something is measured on. Raises DataError when no object on them counts."""
    found = load_split(config, folder, split)
    if found.difficult.all():
        raise DataError(
            f"the image set {split}",
            f"its {len(found)} images hold no object that counts in an average precision",
            "Name another one: objects that aren't marked difficult are needed",
        )
    return found


def scoring_subset(config: Config, val: Decoded) -> Decoded:
    """The images that candidates are scored on: all of `data.val`, or a class-balanced seeded part of it."""
    wanted = config.data.val_images
    if wanted is None or wanted >= len(val):
        return val
    return val.subset(balanced_indices(val, wanted, seeded(config.seed, "val_images")))


def decode_voc(root: Path, split: str, classes: tuple[str, ...], size: int, year: str) -> Decoded:
    """An image set in VOC layout at another place than the config's; every defect is an error."""
    return decode(read_voc(root, split, year=year, class_names=classes), size)


def _named_root(configured: str | None) -> Path:
    named = configured or os.environ.get(VOC_ROOT_VARIABLE)
    if not named:
        raise DataError(
            "the VOC data",
            "no folder was named",
            f"Name the folder that holds VOCdevkit: --data, data.root in the config, or {VOC_ROOT_VARIABLE}",
        )
    return Path(named)


def _absolute(path: Path | str | None) -> str | None:
    if path in NAMES:  # published weights, no file
        return str(path)
    return str(Path(path).expanduser().resolve()) if path is not None else None
