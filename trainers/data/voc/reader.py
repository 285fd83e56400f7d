"""Reads image sets of PASCAL VOC: an XML file for each image."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from trainers.data.errors import DataError, OnBadData, StrayError, show
from trainers.data.findings import Findings
from trainers.data.gathering import gather
from trainers.data.image_file import image_size
from trainers.data.layout import Parts
from trainers.data.remarks import BY_FILENAME, OTHER_NAME, SIZE_OF_PICTURE, Remark
from trainers.data.sample import DetectionData, Sample
from trainers.data.voc.annotation import Annotation, parse_annotation, parse_objects
from trainers.data.voc.entries import Entry, Folders, entries_of
from trainers.data.voc.lists import ListedImage
from trainers.data.voc.pictures import candidates, is_other

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

_ANY_SIZE = (10**9, 10**9)
"""Boxes are checked against it where neither the annotation nor the picture has a size, which is a defect anyway."""

_NAME_THE_ROOT = "Let --data, data.root or BITFRONT_VOC_ROOT name the folder that holds VOCdevkit"


def read_voc(
    files: Parts, *, class_names: Sequence[str] = VOC_CLASSES, on_bad_data: OnBadData = "error"
) -> DetectionData:
    """Read the annotations of one image set; of images at most the size is read.

    The id decides which picture belongs to an annotation, see `pictures.picture_name`. Names in the files can't lead
    outside the folders of the set.

    A bad image raises DataError, or with on_bad_data="skip" is left out whole and listed in `defects`; so is an image
    whose annotation names the file of an earlier image. A list that can't be read, and one without a usable image,
    raise in either case.
    """
    names = tuple(class_names)
    labels = {name: label for label, name in enumerate(names, start=1)}
    seen: set[str] = set()
    ids_by_file: dict[Path, str] = {}

    def read(entry: Entry) -> Sample:
        image, folders = entry.image(), entry.folders
        full_id = folders.full_id(image)
        if full_id in seen:
            raise StrayError(folders.source, f"lists the image {image.image_id!r} twice")
        seen.add(full_id)
        path = folders.annotation_file(image)
        sample = _sample(image, path, folders, labels)
        if (first := ids_by_file.setdefault(sample.image, full_id)) != full_id:
            name = show(sample.image.name)
            raise DataError(path, f"names the image {name}, as the annotation of {show(first)} does")
        return sample

    return gather(
        list(entries_of(files)),
        read,
        class_names=names,
        source=files[0].ids or files[0].annotations,
        way_out=_NAME_THE_ROOT,
        on_bad_data=on_bad_data,
    )


def voc_images(files: Parts) -> dict[str, Path]:
    """The ids of an image set with the pictures that are read for them; annotations are read where names don't tell.

    An id without a picture has <id>.jpg, and one that leads outside is left out: reading the set refuses or skips both.
    Raises DataError for a list that can't be read.
    """
    images = {}
    for entry in entries_of(files):
        folders = entry.folders
        with suppress(DataError):
            image = entry.image()
            names = candidates(image, folders.pictures)
            name = names[0] if len(names) == 1 else f"{image.image_id}.jpg"
            images[folders.full_id(image)] = folders.files.images / name
            if len(names) != 1:
                annotation = _annotation(folders.annotation_file(image))
                images[folders.full_id(image)] = folders.picture_file(image, annotation)
    return images


def _sample(image: ListedImage, path: Path, folders: Folders, labels: Mapping[str, int]) -> Sample:
    """The annotation at `path` with its picture. The defects of both are reported at once."""
    annotation = _annotation(path)
    size, remarks = annotation.size or _ANY_SIZE, []
    findings = Findings()
    with findings:
        picture = folders.picture_file(image, annotation)
        if not folders.is_of(picture, image):
            remarks.append(Remark(BY_FILENAME, 1, path))
        elif annotation.filename is not None and is_other(annotation.filename, picture.name):
            remarks.append(Remark(OTHER_NAME, 1, path))
        if annotation.size is None:
            size = image_size(picture)
            remarks.append(Remark(SIZE_OF_PICTURE, 1, path))
    with findings:
        objects = parse_objects(annotation, labels, size)
    findings.raise_any()
    return Sample(
        image_id=folders.full_id(image),
        image=picture,
        width=size[0],
        height=size[1],
        boxes=objects.boxes,
        labels=objects.labels,
        difficult=objects.difficult,
        remarks=(*remarks, *objects.remarks),
        has_own_size=annotation.size is None,
    )


def _annotation(path: Path) -> Annotation:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(path, f"the annotation can't be read ({error.strerror})") from error
    return parse_annotation(content, path)
