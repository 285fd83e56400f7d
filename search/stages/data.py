"""From the data section of a config to decoded images."""

from dataclasses import dataclass
from pathlib import Path

from search.config import Config
from search.plan.sources import check_places, class_names, format_of, named_sets, shapes_sizes
from search.run.folder import RunFolder
from trainers.data.balanced import balanced_indices
from trainers.data.decoded import Decoded, decode
from trainers.data.download import download_voc
from trainers.data.errors import DataError, OnBadData
from trainers.data.formats import Format, data_format
from trainers.data.shapes import write_shapes
from trainers.progress import Progress
from trainers.seeding import seeded


def prepare_root(config: Config, folder: RunFolder) -> Path:
    """The folder that holds the data; it is generated or downloaded first, where it is to be and isn't there yet.

    Raises DataError when one of the image sets isn't there, or two of them share images.
    """
    data = config.data
    root = Path(data.root) if data.root else folder.data
    if data.format == "shapes":
        sizes, seed = shapes_sizes(data), seeded(config.seed, "shapes")
        write_shapes(root, sizes=sizes, image_size=data.shapes.image_size, seed=seed)
    if data.download:
        download_voc(root, tuple(named_sets(data).values()), data.year)
    check_places(data, root)
    return root


def load_split(config: Config, folder: RunFolder, split: str, progress: Progress | None = None) -> Decoded:
    """Read and decode one image set. Raises DataError for a defect, or skips it, as `data.on_bad_data` says."""
    data = config.data
    root = Path(data.root) if data.root else folder.data
    listed = format_of(data).read(root, split, class_names=class_names(config), on_bad_data=data.on_bad_data)
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
        wanted = f"objects that aren't {format_of(config.data).flagged}" if len(found.labels) else "objects"
        raise DataError(
            f"the image set {config.data.train}",
            f"its {len(found)} images hold no object to learn",
            f"Name another one in data.train: {wanted} are needed",
        )
    return found.without_difficult() if drops else found


def load_measured(config: Config, folder: RunFolder, split: str, progress: Progress | None = None) -> Decoded:
    """As `load_split`, for images that something is measured on. Raises DataError when no object on them counts."""
    return _that_counts(load_split(config, folder, split, progress), split, format_of(config.data))


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
    """How images are read that no config describes; the fields are those of a config's `data` with their defaults."""

    format: str = "voc"
    year: str = "2007"
    on_bad_data: OnBadData = "error"
    memory_limit_mb: float = 4096.0


def decode_split(
    reading: Reading, root: Path, split: str, classes: tuple[str, ...], size: int, progress: Progress
) -> Decoded:
    """An image set at another place than a config's. Raises DataError as `load_measured` does."""
    form, on_bad_data = data_format(reading.format, reading.year), reading.on_bad_data
    listed = form.read(root, split, class_names=classes, on_bad_data=on_bad_data)
    stage = f"images of {split}"
    found = decode(listed, size, reading.memory_limit_mb, on_bad_data, stage=stage, progress=progress)
    return _that_counts(found, split, form)
