"""The images of a run: generated or found, read and decoded."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from search.config.schema import Data
from search.plan.plan import Plan
from search.plan.sources import (
    format_of,
    generated_sizes,
    image_sets,
    listed_images,
    named_sets,
    sets_of_files,
    shared_to_leave_out,
)
from search.run.folder import RunFolder
from trainers.data.augmentation import Augmentation
from trainers.data.balanced import balanced_indices
from trainers.data.decoded import Decoded
from trainers.data.decoding import Memory, decode
from trainers.data.disjoint import SharedImage, without_shared
from trainers.data.errors import DataError
from trainers.data.formats import Format
from trainers.data.part import part_of
from trainers.data.resizing import Resizing
from trainers.data.streaming.cache import Streaming
from trainers.progress import Progress
from trainers.seeding import seeded


def prepare_root(plan: Plan, run: RunFolder) -> list[SharedImage]:
    """Generate or download the data first, where they are to be and aren't there yet.

    Returns the images that image sets share, for `load_split`. Raises DataError when one of the sets isn't there, or
    when they share images and bad ones aren't to be skipped.
    """
    data, form, root = plan.config.data, format_of(plan.config.data), data_root(plan, run)
    if form.generate is not None and root is not None:
        seed = seeded(plan.config.seed, data.format)
        form.generate(root, sizes=generated_sizes(data), image_size=data.shapes.image_size, seed=seed)
    if data.download and form.download is not None and root is not None:
        form.download(root, sorted(sets_of_files(data)), data.year)
    return shared_to_leave_out(data, root, listed_images(data, root) if plan.listed is None else plan.listed)


def data_root(plan: Plan, run: RunFolder) -> Path | None:
    """The folder of the data: the config's, or where a run generates its own; None where the config names all files."""
    data = plan.config.data
    if data.root:
        return Path(data.root)
    return run.data if format_of(data).generate is not None else None


def note_readings(plan: Plan, run: RunFolder, progress: Progress) -> None:
    """Report where each image set lies and as what it is read; nothing for images that the run generates."""
    data = plan.config.data
    if format_of(data).generate is None:
        sets = image_sets(data, data_root(plan, run))
        for split in named_sets(data).values():
            progress.note(sets.reading(split))


def load_split(
    plan: Plan,
    run: RunFolder,
    split: str,
    progress: Progress | None = None,
    shared: Sequence[SharedImage] = (),
    wanted: float | None = None,
) -> Decoded:
    """Read and decode one image set, without the `shared` images that a later set has, too.

    wanted: a part of it, see `part_of`. Raises DataError for a defect, or skips it, as `data.on_bad_data` says.
    """
    data = plan.config.data
    listed = image_sets(data, data_root(plan, run)).read(split, class_names=plan.classes, on_bad_data=data.on_bad_data)
    listed = without_shared(listed, split, shared)
    if wanted is not None:
        listed = part_of(listed, wanted, seeded(plan.config.seed, "train_images"))
    memory = Memory(data.memory_limit_mb, streaming(data, run))
    return decode(
        listed, Resizing.of(plan.student), memory, data.on_bad_data, stage=f"images of {split}", progress=progress
    )


def streaming(data: Data, run: RunFolder) -> Streaming:
    """How a run reads the sets that don't fit into memory."""
    folder = run.image_cache if data.cache is None else Path(data.cache)
    return Streaming(folder, data.beyond_memory == "cache", data.loader_workers)


def load_training(
    plan: Plan, run: RunFolder, progress: Progress | None = None, shared: Sequence[SharedImage] = ()
) -> Decoded:
    """As `load_split`, for the images that are trained on: those of `data.train_images`, with what
    `data.train_on_difficult` lets be learnt.

    Raises DataError when there is nothing to learn on them.
    """
    data = plan.config.data
    found = load_split(plan, run, data.train, progress, shared, data.train_images)
    drops = found.learns_difficult and not plan.config.data.train_on_difficult
    if found.difficult.all() if drops or not found.learns_difficult else not len(found.labels):
        wanted = f"objects that aren't {format_of(plan.config.data).flagged}" if len(found.labels) else "objects"
        raise DataError(
            f"the image set {plan.config.data.train}",
            f"its {len(found)} images hold no object to learn",
            f"Name another one in data.train: {wanted} are needed",
        )
    found = replace(found, augmentation=Augmentation(**data.augment.model_dump()))
    return found.without_difficult() if drops else found


def load_measured(
    plan: Plan, run: RunFolder, split: str, progress: Progress | None = None, shared: Sequence[SharedImage] = ()
) -> Decoded:
    """As `load_split`, for images that something is measured on. Raises DataError when no object on them counts."""
    return with_counted_objects(load_split(plan, run, split, progress, shared), split, format_of(plan.config.data))


def with_counted_objects(found: Decoded, split: str, form: Format) -> Decoded:
    """The images of a split. Raises DataError when no object on them counts in an average precision."""
    if found.difficult.all():
        raise DataError(
            f"the image set {split}",
            f"its {len(found)} images hold no object that counts in an average precision",
            f"Name another one: objects that aren't {form.flagged} are needed",
        )
    return found


def defects_text(split: str, data: Decoded) -> str:
    """What was skipped in an image set that has defects: of how many images how many, and the first reason."""
    first, strays = data.defects[0], "" if data.left_out else " (these defects belong to no image)"
    counted = f"{data.left_out} of {len(data) + data.left_out} images left out{strays}"
    return f"{split}: {counted}, the first for {first.path}: {first.reason}."


def scoring_subset(plan: Plan, val: Decoded) -> Decoded:
    """The images that candidates are scored on: all of `data.val`, or a class-balanced seeded part of it, in memory.

    Raises DataError where they don't fit.
    """
    data, wanted = plan.config.data, plan.config.data.val_images
    part = wanted is not None and wanted < len(val)
    chosen = balanced_indices(val, int(wanted or 0), seeded(plan.config.seed, "val_images")) if part else None
    images = len(val) if chosen is None else len(chosen)
    needed_mb = val.bytes_of(chosen) / 2**20
    if needed_mb > data.memory_limit_mb:
        raise DataError(
            f"{images} images of {data.val} at {val.resized}",
            f"scores are measured on them in memory, and they take {needed_mb:.1f} MB, more than the limit of "
            f"{data.memory_limit_mb:g} MB",
            "Set data.val_images to score on fewer of them, or raise data.memory_limit_mb",
        )
    return val if chosen is None else val.subset(chosen)
