"""Reads image sets of VisDrone-DET: a text file of eight columns for each image."""

from collections.abc import Sequence
from pathlib import Path

from trainers.data.errors import DataError, OnBadData
from trainers.data.folder import DataFolder
from trainers.data.gathering import gather
from trainers.data.image_file import image_size
from trainers.data.layout import Parts, SetFiles
from trainers.data.listing import file_names, images_by_stem
from trainers.data.sample import DetectionData, Sample
from trainers.data.visdrone.annotation import parse_objects

VISDRONE_CLASSES = (
    "pedestrian",
    "people",
    "bicycle",
    "car",
    "van",
    "truck",
    "tricycle",
    "awning-tricycle",
    "bus",
    "motor",
)
"""The categories 1 to 10; 0 is an ignored region, 11 is "others"."""

NAME_THE_ROOT = "Let --data, data.root or BITFRONT_VISDRONE_ROOT name the folder that holds VisDrone2019-DET-train"


def read_visdrone(
    files: Parts, *, class_names: Sequence[str] | None = None, on_bad_data: OnBadData = "error"
) -> DetectionData:
    """Read the annotations of one image set and the headers of its images.

    Objects of score 0 are marked difficult, and so are ignored regions, whose label is REGION. Objects of the category
    "others" aren't read. An image needs an annotation file and an annotation file an image. The classes are fixed:
    other `class_names` than theirs are refused.

    A bad image raises DataError, or with on_bad_data="skip" is left out whole and listed in `defects`. A missing
    folder, and one without a usable image, raise in either case.
    """
    [part] = files
    _check_folders(part)
    if class_names is not None and tuple(class_names) != VISDRONE_CLASSES:
        asked, there = ", ".join(class_names), ", ".join(VISDRONE_CLASSES)
        raise DataError(part.annotations, f"its classes are {there}, but {asked} were asked for", "Name no others")
    annotations, images = (
        DataFolder.of(part.root, folder, part.follow_links) for folder in (part.annotations, part.images)
    )
    names_by_id = images_by_stem(images.path)
    image_ids = sorted(names_by_id.keys() | {Path(name).stem for name in file_names(annotations.path, ".txt")})

    def read(image_id: str) -> Sample:
        names = names_by_id.get(image_id, [f"{image_id}.jpg"])
        if len(names) > 1:
            raise DataError(images.path, f"there are {len(names)} images for one annotation: {', '.join(names)}")
        text = annotations.file(f"{image_id}.txt", "annotation", images.path, "needs")
        image = images.file(names[0], "image", annotations.path, "needs")
        width, height = image_size(image)
        try:
            content = text.read_bytes()
        except OSError as error:
            raise DataError(text, f"the annotation can't be read ({error.strerror})") from error
        return Sample(image_id, image, width, height, *parse_objects(content, text, width, height), has_own_size=True)

    return gather(
        image_ids,
        read,
        class_names=VISDRONE_CLASSES,
        source=part.annotations,
        way_out=NAME_THE_ROOT,
        on_bad_data=on_bad_data,
    )


def visdrone_images(files: Parts) -> dict[str, Path]:
    """The images of a set by id, with their paths; no file is read. Raises DataError for a missing folder."""
    [part] = files
    _check_folders(part)
    return {image_id: part.images / names[0] for image_id, names in images_by_stem(part.images).items()}


def _check_folders(part: SetFiles) -> None:
    for folder in (part.annotations, part.images):
        if not folder.is_dir():
            raise DataError(folder, "the folder is missing", NAME_THE_ROOT)
