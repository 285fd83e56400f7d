"""Reads image sets of MS COCO: one JSON file for each set."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from trainers.data.coco.annotation import ImageEntry, ids_and_names, parse_image, parse_objects
from trainers.data.coco.file import NAME_THE_ROOT, header_of, instances_of
from trainers.data.errors import DataError, OnBadData, StrayError, show
from trainers.data.findings import Findings
from trainers.data.folder import DataFolder, refuse_outside
from trainers.data.gathering import gather
from trainers.data.layout import Parts
from trainers.data.sample import DetectionData, Sample


def read_coco(
    files: Parts, *, class_names: Sequence[str] | None = None, on_bad_data: OnBadData = "error"
) -> DetectionData:
    """Read the annotations of one image set; nothing is decoded yet.

    The id of an image is its file name, without a leading `./`. Labels follow `class_names`, by default the file's
    categories in the order of their ids. Crowds (`iscrowd`) are marked difficult, and masks aren't read. A box may
    reach half a pixel beyond its image, and is clipped to it.

    A bad image raises DataError, or with on_bad_data="skip" is left out whole and listed in `defects`. The same goes
    for an annotation whose image isn't in the file. A file that is no instances file raises in either case.
    """
    [part] = files
    path = part.annotations
    instances = instances_of(path)
    names = tuple(instances.categories.values()) if class_names is None else tuple(class_names)
    labels = {name: label for label, name in enumerate(names, start=1)}
    images = DataFolder.of(part.root, part.images, part.follow_links)
    ids, file_names = ids_and_names(instances.images)
    object_ids: set[object] = set()

    def read(entry: object) -> Sample:
        if isinstance(entry, _Stray):
            raise StrayError(path, entry.reason)
        image = parse_image(entry, path)
        _refuse_repeated_image(image, ids[image.id], file_names[image.file_name], path)
        annotations = instances.objects.get(image.id, ())
        findings = Findings()
        for annotation in annotations:
            with findings:
                _refuse_repeated_object(annotation.get("id"), image, object_ids, path)
        with findings:
            file = images.file(image.file_name, "image", path)
        with findings:
            objects = parse_objects(annotations, image, instances.categories, labels, path)
        findings.raise_any()
        return Sample(image.file_name, file, image.width, image.height, objects.boxes, objects.labels, objects.crowd)

    return gather(
        [*instances.images, *map(_Stray, instances.stray)],
        read,
        class_names=names,
        source=path,
        way_out=NAME_THE_ROOT,
        on_bad_data=on_bad_data,
    )


def coco_images(files: Parts) -> dict[str, Path]:
    """The paths of a set's images by file name. Raises DataError for a bad file as `read_coco` does.

    Names that lead outside the data folder are left out: reading the set refuses or skips them.
    """
    [part] = files
    images = {}
    for name in header_of(part.annotations).file_names:
        with suppress(DataError):
            refuse_outside(part.annotations, name, "names")
            images[name] = part.images / name
    return images


def coco_classes(files: Parts) -> tuple[str, ...]:
    """The categories of a set's file in the order of their ids, which is that of the labels."""
    return header_of(files[0].annotations).categories


@dataclass(frozen=True)
class _Stray:
    """An annotation whose image isn't in the file; it is read after the images."""

    reason: str


def _refuse_repeated_image(image: ImageEntry, with_its_id: int, with_its_name: int, path: Path) -> None:
    """Refuse images with the same id or file: it is unknown to which of them the annotations belong."""
    name = show(image.file_name)
    if with_its_id > 1:
        raise DataError(path, f"{with_its_id} images have the id {image.id}, one of them has the file name {name}")
    if with_its_name > 1:
        raise DataError(path, f"{with_its_name} images have the file name {name}, one of them has the id {image.id}")


def _refuse_repeated_object(number: object, image: ImageEntry, known_ids: set[object], path: Path) -> None:
    """Refuse an annotation whose id occurred before; one without an id is allowed, since nothing here needs it."""
    if number is None:
        return
    if not isinstance(number, int):
        raise DataError(path, f"an annotation of image {image.id} has the id {show(number)}, must be a whole number")
    if number in known_ids:
        raise DataError(path, f"two annotations have the id {number}, one of them is of image {image.id}")
    known_ids.add(number)
