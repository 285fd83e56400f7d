"""MS COCO, and anything in its layout: annotations/instances_<split>.json with the images in <split>/."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from trainers.data.coco_annotation import ImageEntry, ids_and_names, parse_image, parse_objects
from trainers.data.coco_file import NAME_THE_ROOT, header_of, instances_of
from trainers.data.errors import DataError, OnBadData, StrayError, show
from trainers.data.findings import Findings
from trainers.data.folder import DataFolder, refuse_outside
from trainers.data.gathering import gather
from trainers.data.sample import DetectionData, Sample


def read_coco(
    root: Path | str,
    split: str,
    *,
    class_names: Sequence[str] | None = None,
    on_bad_data: OnBadData = "error",
) -> DetectionData:
    """Read the annotations of one split, such as train2017; nothing is decoded yet.

    An image is called by its file name, without a `./` in it. Labels follow `class_names`, by default the file's
    categories in the order of their ids. Crowds (`iscrowd`) are marked difficult, and masks aren't read. A box may
    reach half a pixel beyond its image, and is cut there.

    A bad image raises DataError, or with on_bad_data="skip" is left out whole and listed in `defects`; so is an
    annotation of no image. A file that is no instances file raises in either case.
    """
    path = _instances_file(Path(root), split)
    instances = instances_of(path)
    names = tuple(instances.categories.values()) if class_names is None else tuple(class_names)
    labels = {name: label for label, name in enumerate(names, start=1)}
    images = DataFolder.of(Path(root), Path(root) / split)
    ids, file_names = ids_and_names(instances.images)
    seen_objects: set[object] = set()

    def read(entry: object) -> Sample:
        if isinstance(entry, _Stray):
            raise StrayError(path, entry.reason)
        image = parse_image(entry, path)
        _refuse_double(image, ids[image.id], file_names[image.file_name], path)
        annotations = instances.objects.get(image.id, ())
        findings = Findings()
        for one in annotations:
            with findings:
                _refuse_object_twice(one.get("id"), image, seen_objects, path)
        with findings:
            file = images.file(image.file_name, "image", path)
        with findings:
            found = parse_objects(annotations, image, instances.categories, labels, path)
        findings.raise_any()
        return Sample(image.file_name, file, image.width, image.height, found.boxes, found.labels, found.crowd)

    return gather(
        [*instances.images, *map(_Stray, instances.stray)],
        read,
        class_names=names,
        rule="coco",
        source=path,
        way_out=NAME_THE_ROOT,
        on_bad_data=on_bad_data,
    )


def coco_places(root: Path | str, split: str) -> dict[str, Path]:
    """The images of a split by file name, with where they are to be; the same errors of the file as in `read_coco`.

    Names that lead outside are none of them: reading the split refuses or skips them.
    """
    path = _instances_file(Path(root), split)
    places = {}
    for name in header_of(path).file_names:
        with suppress(DataError):
            refuse_outside(path, name, "names")
            places[name] = Path(root) / split / name
    return places


def coco_splits(root: Path | str) -> list[str]:
    """The splits that have an instances file. Raises DataError for a folder that has none."""
    found = _split_names(Path(root))
    if not found:
        raise DataError(Path(root) / "annotations", "there is no instances_<split>.json here", NAME_THE_ROOT)
    return found


def coco_classes(root: Path | str, split: str) -> tuple[str, ...]:
    """The categories of a split's file in the order of their ids, which is that of the labels."""
    return header_of(_instances_file(Path(root), split)).categories


@dataclass(frozen=True)
class _Stray:
    """Stands among the images for an annotation of none."""

    reason: str


def _instances_file(root: Path, split: str) -> Path:
    path = root / "annotations" / f"instances_{split}.json"
    known = coco_splits(root)
    if split not in known:
        raise DataError(path, "there is no such split", f"Choose one of those there: {', '.join(known)}")
    return path


def _split_names(root: Path) -> list[str]:
    return sorted(path.stem.removeprefix("instances_") for path in (root / "annotations").glob("instances_*.json"))


def _refuse_double(image: ImageEntry, of_its_id: int, of_its_name: int, path: Path) -> None:
    """One id, one file: of several images none is kept, since nothing tells whose the annotations are."""
    name = show(image.file_name)
    if of_its_id > 1:
        raise DataError(path, f"{of_its_id} images have the id {image.id}, one of them has the file name {name}")
    if of_its_name > 1:
        raise DataError(path, f"{of_its_name} images have the file name {name}, one of them has the id {image.id}")


def _refuse_object_twice(number: object, image: ImageEntry, seen: set[object], path: Path) -> None:
    """An annotation may have no id, since nothing here needs it."""
    if number is None:
        return
    if not isinstance(number, int):
        raise DataError(path, f"an annotation of image {image.id} has the id {show(number)}, must be a whole number")
    if number in seen:
        raise DataError(path, f"two annotations have the id {number}, one of them is of image {image.id}")
    seen.add(number)
