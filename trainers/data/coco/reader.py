"""Reads image sets of MS COCO: one JSON file for each set."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from trainers.data.coco.annotation import Instances
from trainers.data.coco.file import NAME_THE_ROOT, header_of, instances_of
from trainers.data.coco.images import ImageEntry, file_names_of, ids_and_names, parse_image, with_size_of
from trainers.data.coco.names import PictureNames, is_full
from trainers.data.coco.objects import parse_objects
from trainers.data.errors import DataError, OnBadData, StrayError, show
from trainers.data.findings import Findings
from trainers.data.folder import DataFolder, refuse_outside
from trainers.data.gathering import gather
from trainers.data.layout import Parts, SetFiles
from trainers.data.remarks import CLIPPED, GROUPING, OTHER_PLACE, SIZE_OF_PICTURE, Remark
from trainers.data.sample import DetectionData, Sample


def read_coco(
    files: Parts, *, class_names: Sequence[str] | None = None, on_bad_data: OnBadData = "error"
) -> DetectionData:
    """Read the annotations of one image set; no picture is decoded yet.

    The id of an image is the name of its picture in the folder (`PictureNames`). Labels follow `class_names`, by
    default the file's categories in the order of their ids, without those that only group others. Crowds (`iscrowd`)
    are marked difficult, and masks aren't read. A box may reach two pixels beyond its image, and is clipped to it.

    A bad image raises DataError, or with on_bad_data="skip" is left out whole and listed in `defects`. The same goes
    for an annotation whose image isn't in the file. A file that is no instances file raises in either case.
    """
    [part] = files
    path, instances = part.annotations, instances_of(part.annotations)
    names = tuple(instances.categories.values()) if class_names is None else tuple(class_names)
    one_set = _ImageSet(part, instances, {name: label for label, name in enumerate(names, start=1)})
    data = gather(
        [*instances.images, *map(_Stray, instances.stray)],
        one_set.sample,
        class_names=names,
        source=path,
        way_out=NAME_THE_ROOT,
        on_bad_data=on_bad_data,
    )
    return replace(data, of_files=_remarks_on_groups(instances, names, path))


def coco_images(files: Parts) -> dict[str, Path]:
    """The pictures of a set by image id. Raises DataError for a bad file as `read_coco` does.

    Names that lead outside the data folder are left out: reading the set refuses or skips them.
    """
    [part] = files
    file_names = header_of(part.annotations).file_names
    pictures = PictureNames(part.images, file_names)
    images = {}
    for name in map(pictures.find, file_names):
        with suppress(DataError):
            refuse_outside(part.annotations, name, "names")
            images[name] = part.images / name
    return images


def coco_classes(files: Parts) -> tuple[str, ...]:
    """The class names of a set's file in the order of their category ids, which is that of the labels."""
    return header_of(files[0].annotations).categories


@dataclass(frozen=True)
class _Stray:
    """An annotation whose image isn't in the file; it is read after the images."""

    reason: str


class _ImageSet:
    """The content of a set's file, with what it takes to read each image."""

    def __init__(self, files: SetFiles, instances: Instances, labels: Mapping[str, int]) -> None:
        self._path, self._instances, self._labels = files.annotations, instances, labels
        self._folder = DataFolder.of(files.root, files.images, files.follow_links)
        self._pictures = PictureNames(files.images, file_names_of(instances.images))
        self._ids, self._names = ids_and_names(instances.images, self._pictures)

    def sample(self, entry: object) -> Sample:
        """The sample of an entry of the file. Raises DataError, for all defects of its objects at once."""
        if isinstance(entry, _Stray):
            raise StrayError(self._path, entry.reason)
        image, is_elsewhere = self._image(entry)
        findings, remarks = Findings(), []
        with findings:
            file = self._folder.file(image.file_name, "image", self._path)
        if is_elsewhere:
            findings.raise_any()
            remarks.append(Remark(OTHER_PLACE, 1, file))
        has_own_size = not image.width and not image.height
        if not image.width or not image.height:
            findings.raise_any()
            image = with_size_of(image, file)
            remarks.append(Remark(SIZE_OF_PICTURE, 1, file))
        annotations = self._instances.objects.get(image.id, ())
        with findings:
            objects = parse_objects(annotations, image, self._instances.categories, self._labels, self._path)
        findings.raise_any()
        if objects.clipped:
            remarks.append(Remark(CLIPPED, objects.clipped, file))
        arrays = objects.boxes, objects.labels, objects.crowd
        return Sample(image.file_name, file, image.width, image.height, *arrays, tuple(remarks), has_own_size)

    def _image(self, entry: object) -> tuple[ImageEntry, bool]:
        """The checked entry, and whether its file name is a full path.

        Refused if its id or picture is another's too, since either may own the annotations.
        """
        image = parse_image(entry, self._path)
        is_elsewhere = is_full(image.file_name)
        image = replace(image, file_name=self._pictures.find(image.file_name))
        number, name = show(image.id), show(image.file_name)
        if (count := self._ids[image.id]) > 1:
            raise DataError(self._path, f"{count} images have the id {number}, one of them has the file name {name}")
        if (count := self._names[image.file_name]) > 1:
            raise DataError(self._path, f"{count} images have the file name {name}, one of them has the id {number}")
        return image, is_elsewhere


def _remarks_on_groups(instances: Instances, names: Sequence[str], path: Path) -> tuple[Remark, ...]:
    """Categories that are no class, without those that the user names as one."""
    classes = set(instances.categories.values())
    count = sum(name in classes or name not in names for name in instances.groups)
    return (Remark(GROUPING, count, path),) if count else ()
