"""Reads image sets of YOLO: a text file of labels for each image."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trainers.data.errors import DataError, OnBadData, StrayError, show
from trainers.data.folder import DataFolder, refuse_outside
from trainers.data.gathering import gather
from trainers.data.image_file import image_size
from trainers.data.layout import Parts, SetFiles
from trainers.data.remarks import NO_LABELS, Remark
from trainers.data.sample import DetectionData, Sample
from trainers.data.yolo.classes import names_of
from trainers.data.yolo.data_yaml import find_data_yaml, read_data_yaml
from trainers.data.yolo.entries import MISSING_FOLDER, Entry, entries_of, label_folder
from trainers.data.yolo.labels import ClassIds, parse_labels
from trainers.data.yolo.places import is_there

_NAME_THE_ROOT = "Let --data, data.root or BITFRONT_YOLO_ROOT name the folder that holds the data's YAML"


def read_yolo(files: Parts, *, class_names: Sequence[str], on_bad_data: OnBadData = "error") -> DetectionData:
    """Read the labels of one image set and the headers of its images.

    The ids in the labels are those of the classes that the data's own files name, else of `class_names`. An image
    without a label file has no objects; if no image has one, they are looked for in the wrong place, which raises
    DataError. A bad image raises it too, or with on_bad_data="skip" is left out whole and listed in `defects`.
    """
    names = tuple(class_names)
    sources = [_Source.of(part, names) for part in files]
    entries = [(entry, source) for source in sources for entry in source.entries]
    if entries and not any(source.label_of(entry) for entry, source in entries):
        first, source = entries[0]
        reason = f"none of the {len(entries)} images of {files[0].annotations} has a label file, such as {first.label}"
        raise DataError(source.labels.path, reason, MISSING_FOLDER)
    seen: set[str] = set()

    def read(listed: tuple[Entry, _Source]) -> Sample:
        entry, source = listed
        if entry.image_id in seen:
            raise StrayError(source.annotations, f"lists the image {show(entry.image_id)} twice")
        seen.add(entry.image_id)
        return source.sample(entry)

    return gather(
        entries, read, class_names=names, source=files[0].annotations, way_out=_NAME_THE_ROOT, on_bad_data=on_bad_data
    )


def yolo_images(files: Parts) -> dict[str, Path]:
    """The images of a set by id, with their paths; no label is read. Raises DataError for a missing folder.

    Names that lead outside the data folder are left out: reading the set refuses or skips them.
    """
    images: dict[str, Path] = {}
    for part in files:
        for entry in entries_of(part):
            for name in entry.images[:1]:
                with suppress(DataError):
                    refuse_outside(part.annotations, name, "lists")
                    images.setdefault(entry.image_id, part.images / name)
    return images


@dataclass(frozen=True)
class _Source:
    """A part of an image set with what its label files mean."""

    entries: Sequence[Entry]
    images: DataFolder
    labels: DataFolder
    annotations: Path
    ids: ClassIds
    keypoints: int

    @classmethod
    def of(cls, part: SetFiles, class_names: Sequence[str]) -> "_Source":
        """Raises DataError for missing folders, and for a list or a YAML that can't be read."""
        entries = entries_of(part)
        images, labels = (
            DataFolder.of(part.root, folder, part.follow_links) for folder in (part.images, label_folder(part))
        )
        described = find_data_yaml(part.root)
        keypoints = 0 if described is None else read_data_yaml(described).keypoints
        labels_by_name = {name: label for label, name in enumerate(class_names, start=1)}
        ids = ClassIds(names_of(part) or class_names, labels_by_name)
        return cls(entries, images, labels, part.annotations, ids, keypoints)

    def label_of(self, entry: Entry) -> Path | None:
        """Where an image's label file is, if it has one."""
        path = self.labels.path / entry.label
        return path if is_there(path) else None

    def sample(self, entry: Entry) -> Sample:
        """Raises DataError for a bad image."""
        if not entry.images:
            reason = f"there is no image for this label file in {self.images.path}"
            raise DataError(self.labels.path / entry.label, reason)
        if len(entry.images) > 1:
            reason = f"there are {len(entry.images)} images for one label file: {', '.join(entry.images)}"
            raise DataError(self.images.path, reason)
        image = self.images.file(entry.images[0], "image", self.annotations, "lists")
        size = image_size(image)
        found = parse_labels(self._text(entry, image), self.labels.path / entry.label, size, self.ids, self.keypoints)
        not_difficult = np.zeros(len(found.labels), dtype=np.bool_)
        remarks = found.remarks if self.label_of(entry) else (Remark(NO_LABELS, 1, image),)
        return Sample(
            entry.image_id, image, *size, found.boxes, found.labels, not_difficult, remarks, has_own_size=True
        )

    def _text(self, entry: Entry, image: Path) -> bytes:
        if self.label_of(entry) is None:
            return b""
        path = self.labels.file(entry.label, "label file", image, "needs")
        try:
            return path.read_bytes()
        except OSError as error:
            raise DataError(path, f"the label file can't be read ({error.strerror})") from error
