"""Measuring a detector's file on images that no config describes."""

from dataclasses import dataclass
from pathlib import Path

import torch

from search.config import ConfigError
from search.stages.detector_result import figures_on
from search.stages.images import defects_text, with_counted_objects
from trainers.data.decoded import Decoded
from trainers.data.decoding import decode
from trainers.data.errors import REPAIR_OR_SKIP, DataError, OnBadData
from trainers.data.formats import data_format
from trainers.data.voc.annotation import NAME_ALL_CLASSES
from trainers.detector_file import load_detector
from trainers.devices import pick_device
from trainers.progress import Progress


@dataclass(frozen=True)
class Reading:
    """How the images are read; the fields are those of a config's `data` with their defaults."""

    format: str = "voc"
    year: str = "2007"
    on_bad_data: OnBadData = "error"
    memory_limit_mb: float = 4096.0


def run_evaluate(
    checkpoint: Path, data_root: Path, split: str, reading: Reading, device: str, progress: Progress
) -> dict[str, float]:
    """The figures of a detector of ours on an image set, by the rule of the data's format, all in 0..1.

    Classes and image size are those of the checkpoint; skipped images are reported. Raises CheckpointError, DataError,
    and ConfigError for a device that isn't there.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("--device is 'cuda', but this machine has no GPU; allowed are auto and cpu.")
    detector = load_detector(checkpoint)
    try:
        data = decode_split(reading, data_root, split, detector.classes, detector.spec.image_size, progress)
    except DataError as error:
        raise _for_a_command(error, detector.classes) from error
    if data.defects:
        progress.note(defects_text(split, data))
    return figures_on(detector.network.to(pick_device(device)), data)


def decode_split(
    reading: Reading, root: Path, split: str, classes: tuple[str, ...], size: int, progress: Progress
) -> Decoded:
    """An image set, decoded to squares of `size`. Raises DataError for a defect, and when no object counts."""
    form, on_bad_data = data_format(reading.format, reading.year), reading.on_bad_data
    listed = form.image_sets(root).read(split, class_names=classes, on_bad_data=on_bad_data)
    stage = f"images of {split}"
    found = decode(listed, size, reading.memory_limit_mb, on_bad_data, stage=stage, progress=progress)
    return with_counted_objects(found, split, form)


def _for_a_command(error: DataError, classes: tuple[str, ...]) -> DataError:
    """The error with a way out on the command line, where the usual one is a key of a config."""
    if error.way_out == NAME_ALL_CLASSES:
        known = f"The detector's classes are {', '.join(classes)}: it can be measured where there are no others"
        return DataError(error.where, error.reason, known)
    if error.way_out == REPAIR_OR_SKIP:
        return DataError(error.where, error.reason, "Repair or remove it, or give --on-bad-data skip")
    return error
