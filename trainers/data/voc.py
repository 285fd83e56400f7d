"""PASCAL VOC, and anything in its layout: VOCdevkit/VOC<year>/{Annotations,ImageSets/Main,JPEGImages}."""

import re
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from trainers.data.errors import DataError, OnBadData, check_on_bad_data
from trainers.data.sample import Defect, DetectionData, Sample
from trainers.data.voc_annotation import parse_annotation

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
    class_names: Sequence[str] = VOC_CLASSES,
    on_bad_data: OnBadData = "error",
) -> DetectionData:
    """Read the annotations of one image set; nothing is decoded yet.

    `root` holds VOCdevkit; `image_set` is the name of a list in ImageSets/Main. An image is JPEGImages/<filename of
    its annotation>, or <id>.jpg where the annotation names none. Names in the files can't lead outside these folders.
    A bad image raises DataError, or with on_bad_data="skip" is left out whole and listed in `defects`. A missing
    folder or list, and a list of which nothing is usable, raise in either case.
    """
    check_on_bad_data(on_bad_data)
    folder = _year_folder(Path(root), year)
    labels = {name: label for label, name in enumerate(class_names, start=1)}
    samples: list[Sample] = []
    defects: list[Defect] = []
    list_path, image_ids = _listed(folder, image_set)
    seen: set[str] = set()
    for image_id in image_ids:
        try:
            if image_id in seen:
                raise DataError(list_path, f"lists the image {image_id!r} twice")
            seen.add(image_id)
            samples.append(_sample(folder, list_path, image_id, labels))
        except DataError as error:
            if on_bad_data == "error":
                raise
            defects.append(Defect(Path(error.where), error.reason))
    if not samples:
        first = f"; the first defect: {defects[0].path}: {defects[0].reason}" if defects else ""
        raise DataError(list_path, f"none of the {len(image_ids)} images listed is usable{first}", _NAME_THE_ROOT)
    return DetectionData(tuple(class_names), tuple(samples), tuple(defects))


def image_set_ids(root: Path | str, image_set: str, *, year: str = "2007") -> list[str]:
    """The ids that one image set lists; nothing else is read. Raises DataError for a missing folder or list."""
    return _listed(_year_folder(Path(root), year), image_set)[1]


def _sample(folder: Path, list_path: Path, image_id: str, labels: Mapping[str, int]) -> Sample:
    _refuse_outside(list_path, image_id, "lists")
    path = folder / "Annotations" / f"{image_id}.xml"
    try:
        text = path.read_bytes()
    except OSError as error:
        raise DataError(path, f"the annotation can't be read ({error.strerror}); {list_path} lists it") from error
    annotation = parse_annotation(text, path, labels)
    filename = annotation.filename or f"{image_id}.jpg"
    _refuse_outside(path, filename, "names")
    image = folder / "JPEGImages" / filename
    try:
        regular = stat.S_ISREG(image.stat().st_mode)
    except OSError as error:
        raise DataError(image, f"the image can't be read ({error.strerror}); {path} names it") from error
    if not regular:
        raise DataError(image, f"the image is no file; {path} names it")
    return Sample(
        image_id=image_id,
        image=image,
        width=annotation.width,
        height=annotation.height,
        boxes=annotation.boxes,
        labels=annotation.labels,
        difficult=annotation.difficult,
    )


def _refuse_outside(source: Path, name: str, verb: str) -> None:
    """Names in data files are relative, stay below their folder, and mean the same on every system."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or re.search(r"[\\\x00-\x1f]|^[A-Za-z]:", name):
        raise DataError(source, f"{verb} {name[:80]!r}, which leads outside the data folder")


def _listed(folder: Path, image_set: str) -> tuple[Path, list[str]]:
    lists = folder / "ImageSets" / "Main"
    path = lists / f"{image_set}.txt"
    known = sorted(found.stem for found in lists.glob("*.txt"))
    if image_set not in known:
        names = ", ".join(known[:12]) + (", ..." if len(known) > 12 else "")
        raise DataError(path, "there is no such image set", f"Choose one of those there: {names or 'none'}")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            path, f"the image set can't be read ({error})", "It must be text, one image id a line"
        ) from error
    image_ids = [line.strip() for line in lines if line.strip()]
    if image_ids and all(_PER_CLASS_LINE.fullmatch(line) for line in image_ids):
        raise DataError(path, "is a list of one class, with -1, 0 or 1 behind each id", "Choose a list of ids alone")
    return path, image_ids


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
