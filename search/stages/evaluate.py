"""Measuring a detector's file on images that no config describes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from search.config import ConfigError
from search.stages.coco_results import ids_of_set, writing_results
from search.stages.devices import device_named
from search.stages.images import defects_text, with_counted_objects
from search.stages.measuring import Measured, Spread, measure
from search.stages.outputs import refuse_to_overwrite
from trainers.data.coco.ids import Ids
from trainers.data.decoded import Decoded
from trainers.data.decoding import Memory, decode
from trainers.data.errors import REPAIR_OR_SKIP, DataError, OnBadData
from trainers.data.finding import find_sets
from trainers.data.image_sets import ImageSets
from trainers.data.layout import NOTHING_NAMED, NamedFiles
from trainers.data.listing import IMAGE_SUFFIXES, file_names, names_below
from trainers.data.resizing import Resizing
from trainers.data.sample import Target
from trainers.data.streaming.cache import Streaming
from trainers.data.voc.annotation import NAME_ALL_CLASSES
from trainers.detector_file import load_detector
from trainers.inference import BATCH
from trainers.progress import Progress

_READ_IN_FOLDERS = (*IMAGE_SUFFIXES, ".xml", ".txt")
"""The endings of what is read in the folders of an image set."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The image set to measure on, and how it is read.

    root: the folder of the data; None where `named` has all. format: None where it is to be found out. The others are
    as in a config's `data`.
    """

    root: Path | None
    split: str = "test"
    format: str | None = None
    year: str = "2007"
    named: NamedFiles = NOTHING_NAMED
    follow_links: bool = False
    on_bad_data: OnBadData = "error"
    memory_limit_mb: float = 4096.0
    loader_workers: int | None = None

    def sets(self) -> ImageSets:
        """The data's image sets. Raises DataError as `find_sets` does."""
        return find_sets(self.root, self.format, self.year, self.named, self.follow_links)

    def files(self) -> Iterator[Path]:
        """Annotations, lists, class names and images of the set, those that it leaves unread too.

        Raises DataError where there is no such set.
        """
        for part in self.sets().files(self.split):
            yield from (part.root / name for name in file_names(part.root, ".yaml", ".yml"))
            for place in (part.annotations, part.images, *([] if part.ids is None else [part.ids])):
                yield place
                yield from (place / name for name in names_below(place, *_READ_IN_FOLDERS))


def run_evaluate(
    checkpoint: Path,
    reading: Reading,
    device: str,
    progress: Progress,
    detections: Path | None = None,
    workers: int = 1,
) -> Measured:
    """What a detector of ours can do on an image set, by the rule of the data's format.

    Classes and the size of images are those of the checkpoint. Reported are what the set is read as, skipped images and
    remarks. detections: a file for what was detected, as COCO's results. workers: processes that share the images, if
    there is a batch for each; one is this process, without Ray. Raises CheckpointError, DataError, ConfigError
    for a device that isn't there and for a folder in place of that file, and RunError where that is read.
    """
    if detections is not None and detections.is_dir():
        raise ConfigError(f"--detections {detections} is a folder. Give the name of a file.")
    on = device_named(device)
    detector = load_detector(checkpoint)
    try:
        progress.note(reading.sets().reading(reading.split))
        if detections is not None:
            refuse_to_overwrite(chain([checkpoint], reading.files()), [detections])
        data = decode_split(reading, detector.classes, Resizing.of(detector.spec), progress)
    except DataError as error:
        raise _for_a_command(error, detector.classes) from error
    if data.defects:
        progress.note(defects_text(reading.split, data))
    for remark in data.remarks:
        progress.note(f"{reading.split}: {remark}")
    measured = measure(detector.network.to(on), data, Spread(workers, least=BATCH))
    if detections is not None:
        ids = ids_of_set(reading.sets(), reading.split, data.image_ids, data.class_names)
        write_detections(detections, measured.detections, data, ids)
    return measured


def write_detections(file: Path, detections: Sequence[Target], data: Decoded, ids: Ids) -> None:
    """Write what was detected on a set as COCO's results, in pixels of the images on disk."""
    with writing_results(file, ids, data.class_names) as results:
        for index, (name, found) in enumerate(zip(data.image_ids, detections, strict=True)):
            place = data.placed(index)
            boxes = found["boxes"].astype("float64") if place is None else place.back(found["boxes"])
            results.add(name, boxes, found["scores"], found["labels"])


def decode_split(reading: Reading, classes: tuple[str, ...], resizing: Resizing, progress: Progress) -> Decoded:
    """An image set, decoded and resized. Raises DataError for a defect, and when no object counts."""
    sets, split, on_bad_data = reading.sets(), reading.split, reading.on_bad_data
    listed = sets.read(split, class_names=classes, on_bad_data=on_bad_data)
    stage = f"images of {split}"
    memory = Memory(reading.memory_limit_mb, Streaming(workers=reading.loader_workers))
    found = decode(listed, resizing, memory, on_bad_data, stage=stage, progress=progress)
    return with_counted_objects(found, split, sets.form)


def _for_a_command(error: DataError, classes: tuple[str, ...]) -> DataError:
    """The error with a way out on the command line, where the usual one is a key of a config."""
    if error.way_out == NAME_ALL_CLASSES:
        known = f"The detector's classes are {', '.join(classes)}: it can be measured where there are no others"
        return DataError(error.where, error.reason, known)
    if error.way_out == REPAIR_OR_SKIP:
        return DataError(error.where, error.reason, "Repair or remove it, or give --on-bad-data skip")
    return error
