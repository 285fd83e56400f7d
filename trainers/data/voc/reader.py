"""Reads image sets of PASCAL VOC: an XML file for each image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainers.data.errors import DataError, OnBadData, StrayError, show
from trainers.data.folder import DataFolder, refuse_outside
from trainers.data.gathering import gather
from trainers.data.layout import Parts, SetFiles
from trainers.data.sample import DetectionData, Sample
from trainers.data.voc.annotation import parse_annotation
from trainers.data.voc.layouts import listed_ids

VOC_CLASSES = (
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)

_NAME_THE_ROOT = "Let --data, data.root or BITFRONT_VOC_ROOT name the folder that holds VOCdevkit"


def read_voc(
    files: Parts, *, class_names: Sequence[str] = VOC_CLASSES, on_bad_data: OnBadData = "error"
) -> DetectionData:
    """Read the annotations of one image set; nothing is decoded yet.

    An image is <images>/<filename of its annotation>, or <id>.jpg where the annotation names none. Names in the files
    can't lead outside these folders.

    A bad image raises DataError, or with on_bad_data="skip" is left out whole and listed in `defects`; so is an image
    whose annotation names the file of an earlier image. A list that can't be read, and one without a usable image,
    raise in either case.
    """
    names = tuple(class_names)
    labels = {name: label for label, name in enumerate(names, start=1)}
    seen: set[str] = set()
    ids_by_file: dict[Path, str] = {}

    def read(entry: _Entry) -> Sample:
        if entry.full_id in seen:
            raise StrayError(entry.source, f"lists the image {entry.image_id!r} twice")
        seen.add(entry.full_id)
        sample = _sample(entry, labels)
        if (first := ids_by_file.setdefault(sample.image, entry.full_id)) != entry.full_id:
            name = show(sample.image.name)
            path = entry.annotations.path / f"{entry.image_id}.xml"
            raise DataError(path, f"names the image {name}, as the annotation of {show(first)} does")
        return sample

    return gather(
        _entries(files),
        read,
        class_names=names,
        source=files[0].ids or files[0].annotations,
        way_out=_NAME_THE_ROOT,
        on_bad_data=on_bad_data,
    )


def voc_images(files: Parts) -> dict[str, Path]:
    """The ids of an image set, each with its image; nothing but the list is read.

    Raises DataError for a list that can't be read.
    """
    return {entry.full_id: entry.images.path / f"{entry.image_id}.jpg" for entry in _entries(files)}


@dataclass(frozen=True)
class _Entry:
    """An image's id, its id among the images of all parts, the file that lists it, and the folders of its files."""

    image_id: str
    full_id: str
    source: Path
    annotations: DataFolder
    images: DataFolder


def _entries(files: Parts) -> list[_Entry]:
    entries = []
    for part in files:
        annotations, images = (
            DataFolder.of(part.root, folder, part.follow_links) for folder in (part.annotations, part.images)
        )
        source = part.ids or part.annotations
        entries += [_Entry(name, f"{part.prefix}{name}", source, annotations, images) for name in _image_ids(part)]
    return entries


def _image_ids(part: SetFiles) -> list[str]:
    if part.ids is not None:
        return listed_ids(part.ids)
    return sorted(path.stem for path in part.annotations.glob("*.xml"))


def _sample(entry: _Entry, labels: Mapping[str, int]) -> Sample:
    refuse_outside(entry.source, entry.image_id, "lists")
    path = entry.annotations.file(f"{entry.image_id}.xml", "annotation", entry.source, "lists")
    try:
        text = path.read_bytes()
    except OSError as error:
        raise DataError(path, f"the annotation can't be read ({error.strerror})") from error
    annotation = parse_annotation(text, path, labels)
    return Sample(
        image_id=entry.full_id,
        image=entry.images.file(annotation.filename or f"{entry.image_id}.jpg", "image", path),
        width=annotation.width,
        height=annotation.height,
        boxes=annotation.boxes,
        labels=annotation.labels,
        difficult=annotation.difficult,
    )
