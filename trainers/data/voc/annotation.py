"""One VOC annotation file: XML from outside, so everything in it is checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from spaces.lookup import nearest
from trainers.data.boxes import ROUNDING, SLACK, clipped, reach
from trainers.data.errors import show, show_number
from trainers.data.findings import Findings
from trainers.data.remarks import CLIPPED, Remark
from trainers.data.voc.elements import NUMBER, DefectError, child_of, named_in_errors, number_in, parse_xml, text_in

NAME_ALL_CLASSES = (
    "Name all classes of the data in data.classes, repair the file, or set data.on_bad_data: skip to leave the whole "
    "image out"
)


@dataclass(frozen=True, eq=False)
class Annotation:
    """An annotation file whose objects aren't read yet.

    filename: None where the file names no image. size: (width, height), None where the file says none, or 0.
    """

    path: Path
    filename: str | None
    size: tuple[int, int] | None
    root: Element


@dataclass(frozen=True, eq=False)
class Objects:
    """The objects of an annotation, as in `Sample`."""

    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    difficult: NDArray[np.bool_]
    remarks: tuple[Remark, ...]


def parse_annotation(content: bytes, path: Path) -> Annotation:
    """Read the XML of one image; `path` is only named in errors.

    Raises DataError for XML that is broken, of an unknown encoding, or declares entities, and for a size that can't be.
    """
    with named_in_errors(path):
        root = parse_xml(content)
        return Annotation(path, (root.findtext("filename") or "").strip() or None, _size(root), root)


def parse_objects(annotation: Annotation, labels: Mapping[str, int], size: tuple[int, int]) -> Objects:
    """The objects of an image of that size, (width, height); `labels` maps the known class names to 1..C.

    A box that reaches up to `SLACK` pixels beyond the image is clipped, and counted if that is more than rounding.
    Raises DataError for invalid objects: an unknown class, coordinates that are no numbers, a box that is reversed,
    without area or further beyond its image. The defects of all objects are reported at once.
    """
    boxes, classes, difficult, beyond = [], [], [], 0
    findings = Findings()
    for number, item in enumerate(annotation.root.findall("object"), start=1):
        what = f"object {number}"
        with findings, named_in_errors(annotation.path):
            name = text_in(item, "name", what)
            what = f"{what} ({show(name)})"
            classes.append(_label(name, number, labels))
        with findings, named_in_errors(annotation.path):
            corners = _corners(child_of(item, "bndbox", what), what, size)
            boxes.append(clipped(corners, *size))
            beyond += reach(corners, *size) > ROUNDING
        with findings, named_in_errors(annotation.path):
            difficult.append(_is_difficult(item, what))
    findings.raise_any()
    return Objects(
        boxes=np.array(boxes, dtype=np.float32).reshape(-1, 4),
        labels=np.array(classes, dtype=np.int64),
        difficult=np.array(difficult, dtype=np.bool_),
        remarks=(Remark(CLIPPED, beyond, annotation.path),) if beyond else (),
    )


def _size(root: Element) -> tuple[int, int] | None:
    size = root.find("size")
    if size is None:
        return None
    width, height = (_pixels(size, name) for name in ("width", "height"))
    return (width, height) if width and height else None


def _pixels(size: Element, name: str) -> int:
    """A side of the image; 0 where it isn't said."""
    if not (size.findtext(name) or "").strip():
        return 0
    value = number_in(size, name, "the image size")
    if value < 0 or value != int(value):
        raise DefectError(f"<{name}> of the image size is {show_number(value)}, must be a whole number")
    return int(value)


def _label(name: str, number: int, labels: Mapping[str, int]) -> int:
    if name in labels:
        return labels[name]
    lowered = {known.lower(): known for known in labels}
    near = nearest(name.lower()[:100], lowered)
    guess = f" (did you mean {lowered[near]!r}?)" if near is not None else ""
    reason = f"object {number} is of the unknown class {show(name)}{guess}; known: {', '.join(labels)}"
    raise DefectError(reason, NAME_ALL_CLASSES)


def _corners(box: Element, what: str, size: tuple[int, int]) -> NDArray[np.float64]:
    """x1, y1, x2, y2 as corners (4,), not clipped, from VOC's first and last pixel counted from 1."""
    xmin, ymin, xmax, ymax = (number_in(box, name, what) for name in ("xmin", "ymin", "xmax", "ymax"))
    _check_span("x", xmin, xmax, size[0], what)
    _check_span("y", ymin, ymax, size[1], what)
    return np.array([xmin - 1, ymin - 1, xmax, ymax])


def _check_span(axis: str, low: float, high: float, extent: int, what: str) -> None:
    if low > high:
        span = f"{axis}min {show_number(low)} is greater than {axis}max {show_number(high)}"
        raise DefectError(f"the box of {what} is reversed: {span}")
    if low == high:
        raise DefectError(f"the box of {what} has no area: {axis}min and {axis}max are both {show_number(low)}")
    span = f"{axis} goes from {show_number(low)} to {show_number(high)}"
    if low < 1 - SLACK or high > extent + SLACK:
        raise DefectError(
            f"the box of {what} is outside its image: {span}, the image from 1 to {extent}, and {SLACK:g} pixels "
            "beyond it are allowed"
        )
    if max(low, 1) >= min(high, extent):
        raise DefectError(f"the box of {what} has no area within its image, {extent} pixels: {span}")


def _is_difficult(item: Element, what: str) -> bool:
    """VOC's 0 or 1; tools leave the element out or empty, or write words such as "Unspecified": not difficult."""
    text = (item.findtext("difficult") or "").strip().lower()
    if not NUMBER.fullmatch(text):
        return text == "true"
    if float(text) not in (0, 1):
        raise DefectError(f"<difficult> of {what} is {show(text)}, must be 0 or 1")
    return float(text) == 1
