"""From the data section of a config to decoded images."""

import math
import os
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from search.config import Config, ConfigError
from search.run_folder import RunFolder
from search.schema import Data
from spaces.published import NAMES
from trainers.data.batches import balanced_indices
from trainers.data.decoded import Decoded, decode
from trainers.data.download import download_voc
from trainers.data.errors import DataError, OnBadData
from trainers.data.formats import FORMATS, Format, data_format, own_classes, shared_images
from trainers.data.shapes import SHAPE_CLASSES, write_shapes
from trainers.progress import Progress
from trainers.seeding import seeded


def settled(config: Config, data_root: Path | None, *, data_needed: bool = True) -> Config:
    """The config with absolute places for all files that it reads, so that it means the same from every folder.

    The folder of the data is `data_root` (the command line's --data), else the config's, else what BITFRONT_VOC_ROOT,
    BITFRONT_COCO_ROOT or BITFRONT_VISDRONE_ROOT names, as the format is. Raises DataError when none of them names one,
    unless the data isn't needed, and ConfigError when `data_root` comes with generated data.
    """
    data, named = config.data, data_root
    if data.format == "shapes":
        if data_root is not None:
            raise ConfigError("--data was given, but data.format is shapes, whose images are generated. Leave it out.")
        named = Path(data.root) if data.root else None
    elif named is None:
        named = _named_root(data, data_needed)
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
    """The classes in the order of their labels 1..C.

    Where the config names none they are the format's own: of COCO's layout the categories of the file of `data.train`.
    """
    data = config.data
    if data.classes is not None:
        return tuple(data.classes)
    if data.format == "shapes":
        return SHAPE_CLASSES
    return own_classes(data.format, Path(data.root) if data.root else None, data.train)


def origin_of_classes(config: Config) -> str:
    """Where `class_names` has the classes of a settled config from."""
    data = config.data
    if data.classes is not None:
        return "named in data.classes"
    if data.format == "coco":
        return (
            f"the categories of {data.train} in {data.root}"
            if data.root
            else "COCO's own, as no data is named; --data has them read from yours"
        )
    return f"those of {data.format} data"


def check_image_sets(config: Config) -> int | None:
    """Refuse image sets that aren't there or share images, before anything is written: ConfigError or DataError.

    Returns how many images `data.train` lists. Those that are still to be downloaded are left to `prepare_root`, and
    their number is None.
    """
    data = config.data
    if data.format == "shapes":
        for key, split in _named_sets(data).items():
            if split not in _shapes_sizes(data):
                raise ConfigError(
                    f"{key}: is {split!r}, but data.format is shapes, and generated images are those of "
                    f"{', '.join(_shapes_sizes(data))}. Choose one of these."
                )
        return _shapes_sizes(data)[data.train]
    return None if data.download else _check_places(data, Path(str(data.root)))


def prepare_root(config: Config, folder: RunFolder) -> Path:
    """The folder that holds the data; it is generated or downloaded first, where it is to be and isn't there yet.

    Raises DataError when one of the image sets isn't there, or two of them share images.
    """
    data = config.data
    root = Path(data.root) if data.root else folder.data
    if data.format == "shapes":
        sizes, seed = _shapes_sizes(data), seeded(config.seed, "shapes")
        write_shapes(root, sizes=sizes, image_size=data.shapes.image_size, seed=seed)
    if data.download:
        download_voc(root, tuple(_named_sets(data).values()), data.year)
    _check_places(data, root)
    return root


def _check_places(data: Data, root: Path) -> int:
    """How many images `data.train` lists. Raises DataError as `prepare_root` does."""
    form, places = _format(data), {}
    for key, split in _named_sets(data).items():
        try:
            places[split] = form.places(root, split)
        except DataError as error:
            form.splits(root)  # raises what is wrong with the whole folder, which is no single key's fault
            raise DataError(error.where, f"{error.reason}: {key} is {split!r}", error.way_out) from error
    for one, other in combinations(places, 2):
        if common := shared_images(places[one], places[other]):
            raise DataError(
                root,
                f"the image sets {one} and {other} share {len(common)} images, {common[0]} among them",
                "Figures on images that were trained on mean nothing; name sets that share none in data.train, "
                "data.val and data.test",
            )
    return len(places[data.train])


def load_split(config: Config, folder: RunFolder, split: str, progress: Progress | None = None) -> Decoded:
    """Read and decode one image set. Raises DataError for a defect, or skips it, as `data.on_bad_data` says."""
    data = config.data
    root = Path(data.root) if data.root else folder.data
    listed = _format(data).read(root, split, class_names=class_names(config), on_bad_data=data.on_bad_data)
    return decode(
        listed, data.image_size, data.memory_limit_mb, data.on_bad_data, stage=f"images of {split}", progress=progress
    )


def load_training(config: Config, folder: RunFolder, progress: Progress | None = None) -> Decoded:
    """As `load_split`, for the images that are trained on: with what `data.train_on_difficult` lets be learnt.

    Raises DataError when there is nothing to learn on them.
    """
    found = load_split(config, folder, config.data.train, progress)
    drops = found.rule == "voc" and not config.data.train_on_difficult
    if found.difficult.all() if drops or found.rule != "voc" else not len(found.labels):
        wanted = f"objects that aren't {_format(config.data).flagged}" if len(found.labels) else "objects"
        raise DataError(
            f"the image set {config.data.train}",
            f"its {len(found)} images hold no object to learn",
            f"Name another one in data.train: {wanted} are needed",
        )
    return found.without_difficult() if drops else found


def load_measured(config: Config, folder: RunFolder, split: str, progress: Progress | None = None) -> Decoded:
    """As `load_split`, for images that something is measured on. Raises DataError when no object on them counts."""
    return _that_counts(load_split(config, folder, split, progress), split, _format(config.data))


def _that_counts(found: Decoded, split: str, form: Format) -> Decoded:
    if found.difficult.all():
        raise DataError(
            f"the image set {split}",
            f"its {len(found)} images hold no object that counts in an average precision",
            f"Name another one: objects that aren't {form.flagged} are needed",
        )
    return found


def told_of_defects(split: str, data: Decoded) -> str:
    """What was skipped in an image set that has defects: of how many images how many, and the first reason."""
    first, strays = data.defects[0], "" if data.left_out else ", for the defects are of none"
    counted = f"{data.left_out} of {len(data) + data.left_out} images left out{strays}"
    return f"{split}: {counted}, the first for {first.path}: {first.reason}."


def scoring_subset(config: Config, val: Decoded) -> Decoded:
    """The images that candidates are scored on: all of `data.val`, or a class-balanced seeded part of it."""
    wanted = config.data.val_images
    if wanted is None or wanted >= len(val):
        return val
    return val.subset(balanced_indices(val, wanted, seeded(config.seed, "val_images")))


@dataclass(frozen=True)
class Reading:
    """How images are read that no config describes; the fields are those of a config's `data` with their defaults.

    Raises ConfigError, which names the command line's option, for a value that isn't allowed.
    """

    format: str = "voc"
    year: str = "2007"
    on_bad_data: OnBadData = "error"
    memory_limit_mb: float = 4096.0

    def __post_init__(self) -> None:
        named_format(self.format, self.year)
        if self.on_bad_data not in ("error", "skip"):
            raise ConfigError(f"--on-bad-data is {self.on_bad_data!r}; allowed are error and skip.")
        if not 0 < self.memory_limit_mb < math.inf:
            raise ConfigError(f"--memory-limit-mb is {self.memory_limit_mb:g}, must be positive and finite.")


def decode_split(
    reading: Reading, root: Path, split: str, classes: tuple[str, ...], size: int, progress: Progress
) -> Decoded:
    """An image set at another place than a config's. Raises DataError as `load_measured` does."""
    form, on_bad_data = named_format(reading.format, reading.year), reading.on_bad_data
    listed = form.read(root, split, class_names=classes, on_bad_data=on_bad_data)
    stage = f"images of {split}"
    found = decode(listed, size, reading.memory_limit_mb, on_bad_data, stage=stage, progress=progress)
    return _that_counts(found, split, form)


def named_format(name: str, year: str) -> Format:
    """The format that the command line's --format and --year name. Raises ConfigError for one that doesn't exist."""
    if name not in FORMATS:
        raise ConfigError(f"--format is {name!r}; allowed are {', '.join(FORMATS)}.")
    return data_format(name, year)


def _named_sets(data: Data) -> dict[str, str]:
    """The image sets by their keys of the config."""
    named = {"data.train": data.train, "data.val": data.val, "data.test": data.test}
    return {key: split for key, split in named.items() if split is not None}


def _shapes_sizes(data: Data) -> dict[str, int]:
    """The image sets that generated data has, with their numbers of images."""
    return {"train": data.shapes.train, "val": data.shapes.val, "test": data.shapes.test}


def _format(data: Data) -> Format:
    """Generated data has VOC's layout."""
    return data_format("voc" if data.format == "shapes" else data.format, data.year)


def _named_root(data: Data, needed: bool) -> Path | None:
    variable = f"BITFRONT_{data.format.upper()}_ROOT"
    named = data.root or os.environ.get(variable)
    if not named and needed:
        raise DataError(
            f"the {data.format.upper()} data",
            "no folder was named",
            f"Name the folder that holds {_format(data).holds}: --data, data.root in the config, or {variable}",
        )
    return Path(named) if named else None


def _absolute(path: Path | str | None) -> str | None:
    if path in NAMES:  # published weights, no file
        return str(path)
    return str(Path(path).expanduser().resolve()) if path is not None else None
