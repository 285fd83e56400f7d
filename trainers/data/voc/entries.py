"""The images of a VOC set, each with its annotation and its picture; no annotation is read."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trainers.data.folder import DataFolder
from trainers.data.layout import Parts, SetFiles
from trainers.data.listing import IMAGE_SUFFIXES, file_names
from trainers.data.voc.annotation import Annotation
from trainers.data.voc.lists import ListedImage, listed_image, listed_lines
from trainers.data.voc.pictures import picture_name
from trainers.data.voc.stems import Stems


class Folders:
    """The folders of a part of a set, and what lies in them. source: what lists the images."""

    def __init__(self, files: SetFiles) -> None:
        self.files = files
        self.source = files.ids or files.annotations
        self.annotations = Stems(files.annotations, ".xml")
        self.pictures = Stems(files.images, *IMAGE_SUFFIXES)
        self._annotation_folder, self._image_folder = (
            DataFolder.of(files.root, folder, files.follow_links) for folder in (files.annotations, files.images)
        )

    def full_id(self, image: ListedImage) -> str:
        """The image's id among those of all parts."""
        return f"{self.files.prefix}{image.image_id}"

    def annotation_file(self, image: ListedImage) -> Path:
        """The path of an image's annotation. Raises DataError as `DataFolder.file` does."""
        name, names = f"{image.image_id}.xml", self.annotations.named(image.image_id)
        name = name if name in names or not names else names[0]  # an ending in capitals
        return self._annotation_folder.file(name, "annotation", self.source, "lists")

    def picture_file(self, image: ListedImage, annotation: Annotation) -> Path:
        """The path of the picture of an annotation. Raises DataError as `picture_name` and `DataFolder.file` do."""
        path = annotation.path
        name = picture_name(image, annotation.filename, path, self.pictures, self.annotations)
        return self._image_folder.file(name, "image", path)

    def is_of(self, picture: Path, image: ListedImage) -> bool:
        """Whether a picture has the name of the image's id, with an ending or without."""
        name = picture.relative_to(self.files.images)
        return image.image_id in (name.as_posix(), name.with_suffix("").as_posix())


@dataclass(frozen=True)
class Entry:
    """A line of a list, or the name of an annotation where there is no list."""

    line: str
    folders: Folders

    def image(self) -> ListedImage:
        """The image it names. Raises DataError as `listed_image` does."""
        files = self.folders.files
        return ListedImage(self.line) if files.ids is None else listed_image(self.line, files, self.folders.annotations)


def entries_of(files: Parts) -> Iterator[Entry]:
    """The entries of all parts, in the order of the lists. Raises DataError for a list that can't be read."""
    for part in files:
        folders = Folders(part)
        if part.ids is not None:
            lines = listed_lines(part.ids)
        else:
            lines = list(dict.fromkeys(Path(name).stem for name in file_names(part.annotations, ".xml")))
        yield from (Entry(line, folders) for line in lines)
