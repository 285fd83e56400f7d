"""The ids by which an instances file names its images and classes, which detections for other tools must carry."""

from collections.abc import Mapping
from dataclasses import dataclass

from trainers.data.coco.file import instances_of
from trainers.data.coco.images import ImageId, file_names_of, image_id
from trainers.data.coco.names import PictureNames
from trainers.data.layout import Parts


@dataclass(frozen=True)
class Ids:
    """images: by `Sample.image_id`. categories: by class name."""

    images: Mapping[str, ImageId]
    categories: Mapping[str, int]


def coco_ids(files: Parts) -> Ids:
    """The ids of a set's file, which is parsed for it. Raises DataError for a file that can't be read."""
    [part] = files
    instances = instances_of(part.annotations)
    pictures = PictureNames(part.images, file_names_of(instances.images))
    images = {}
    for entry in instances.images:
        if isinstance(entry, dict) and isinstance(name := entry.get("file_name"), str):
            number = image_id(entry.get("id"))
            if number is not None:
                images[pictures.find(name)] = number
    return Ids(images, {name: number for number, name in instances.categories.items()})
