"""PASCAL VOC, and anything in its layout: VOCdevkit/VOC<year>/{Annotations,ImageSets/Main,JPEGImages}."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainers.data.errors import DataError, OnBadData, StrayError, show
from trainers.data.folder import DataFolder, refuse_outside
from trainers.data.gathering import gather
from trainers.data.sample import DetectionData, Sample
from trainers.data.voc.annotation import parse_annotation

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

_PER_CLASS_LINE = re.compile(r"\S+\s+(-1|0|1)")


def read_voc(
    root: Path | str,
    image_set: str,
    *,
    year: str = "2007",
    class_names: Sequence[str] | None = None,
    on_bad_data: OnBadData = "error",
) -> DetectionData:
    """Read the annotations of one image set; nothing is decoded yet.

    `root` holds VOCdevkit; `image_set` is the name of a list in ImageSets/Main. With several years, as in
    "2007+2012", the years that have the list are read in turn, and image ids begin with the year. An image is
    JPEGImages/<filename of its annotation>, or <id>.jpg where the annotation names none. Names in the files can't lead
    outside these folders. `class_names` default to the twenty of VOC.

    A bad image raises DataError, or with on_bad_data="skip" is left out whole and listed in `defects`; so is an image
    whose annotation names the file of an earlier image. A missing folder or list, and a list without a usable image,
    raise in either case.
    """
    names = VOC_CLASSES if class_names is None else tuple(class_names)
    labels = {name: label for label, name in enumerate(names, start=1)}
    first_folder, *_ = _year_folders(Path(root), image_set, year).values()
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
        _entries(Path(root), image_set, year),
        read,
        class_names=names,
        source=_list_file(first_folder, image_set),
        way_out=_NAME_THE_ROOT,
        on_bad_data=on_bad_data,
    )


def voc_places(root: Path | str, image_set: str, *, year: str = "2007") -> dict[str, Path]:
    """The ids that an image set lists, each with its annotation; nothing else is read.

    Raises DataError for a missing folder or list.
    """
    return {entry.full_id: entry.annotations.path / entry.image_id for entry in _entries(Path(root), image_set, year)}


def voc_image_sets(root: Path | str, *, year: str = "2007") -> list[str]:
    """The names of the image sets. Raises DataError if there are none.

    The format also has a list per class, with a flag behind each id. Such lists are no image sets and are left out;
    they are recognised by their content.
    """
    folders = [_year_folder(Path(root), one) for one in year.split("+")]
    names = {name for folder in folders for name in _list_names(folder) if not _is_of_one_class(folder, name)}
    if not names:
        raise DataError(folders[0] / "ImageSets" / "Main", "there are no lists of images here", _NAME_THE_ROOT)
    return sorted(names)


@dataclass(frozen=True)
class _Entry:
    """A line of a list: the image's id, its id among the images of all years, and the folders of its files."""

    image_id: str
    full_id: str
    source: Path
    annotations: DataFolder
    images: DataFolder


def _year_folders(root: Path, image_set: str, year: str) -> dict[str, Path]:
    """The folders of the years that have the list, by year; all if none has it: reading the first then fails."""
    folders = {one: _year_folder(root, one) for one in year.split("+")}
    having = {one: folder for one, folder in folders.items() if image_set in _list_names(folder)}
    return having or folders


def _entries(root: Path, image_set: str, year: str) -> list[_Entry]:
    entries = []
    for one, folder in _year_folders(root, image_set, year).items():
        path, image_ids = _listed(folder, image_set)
        annotations, images = (DataFolder.of(root, folder / name) for name in ("Annotations", "JPEGImages"))
        prefix = f"{one}/" if "+" in year else ""
        entries += [_Entry(image_id, f"{prefix}{image_id}", path, annotations, images) for image_id in image_ids]
    return entries


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


def _list_names(folder: Path) -> list[str]:
    return sorted(path.stem for path in (folder / "ImageSets" / "Main").glob("*.txt"))


def _listed(folder: Path, image_set: str) -> tuple[Path, list[str]]:
    path = _list_file(folder, image_set)
    known = _list_names(folder)
    if image_set not in known:
        names = ", ".join(known[:12]) + (", ..." if len(known) > 12 else "")
        raise DataError(path, "there is no such image set", f"Choose one of those there: {names or 'none'}")
    image_ids = _lines(path)
    if _has_flags(image_ids):
        raise DataError(path, "is a list of one class, with -1, 0 or 1 behind each id", "Choose a list of ids alone")
    return path, image_ids


def _list_file(folder: Path, image_set: str) -> Path:
    return folder / "ImageSets" / "Main" / f"{image_set}.txt"


def _lines(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            path, f"the image set can't be read ({error})", "It must be text, one image id per line"
        ) from error
    return [line.strip() for line in lines if line.strip()]


def _has_flags(lines: Sequence[str]) -> bool:
    return bool(lines) and all(_PER_CLASS_LINE.fullmatch(line) for line in lines)


def _is_of_one_class(folder: Path, image_set: str) -> bool:
    """Whether a list flags for each image if a class is in it; False for a list that can't be read."""
    try:
        return _has_flags(_lines(_list_file(folder, image_set)))
    except DataError:
        return False


def _year_folder(root: Path, year: str) -> Path:
    folder = root / "VOCdevkit" / f"VOC{year}"
    if (folder / "ImageSets" / "Main").is_dir():
        return folder
    if (root / f"VOC{year}").is_dir():
        reason = f"there is no data here; but {root} looks like VOCdevkit itself"
    elif not root.exists():
        reason = f"there is no data here: {root} doesn't exist"
    else:
        reason = "there is no data here: looked for the folders Annotations, ImageSets/Main and JPEGImages"
    raise DataError(folder, reason, _NAME_THE_ROOT)
