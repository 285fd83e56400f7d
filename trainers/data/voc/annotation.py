"""One VOC annotation file: XML from outside, so everything in it is checked and nothing in it is trusted."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring
from numpy.typing import NDArray

from spaces.lookup import nearest
from trainers.data.errors import DataError, show, show_number
from trainers.data.findings import Findings
from trainers.data.sample import EDGE

NAME_ALL_CLASSES = (
    "Name all classes of the data in data.classes, repair the file, or set data.on_bad_data: skip to leave the whole "
    "image out"
)

# No exponents, no nan, no inf, no digits of other scripts; nine digits can't overflow anything. VOC 2012 has decimals
# such as 45.70000076293945.
_NUMBER = re.compile(r"\s*[+-]?[0-9]{1,9}(\.[0-9]{1,20})?\s*")


@dataclass(frozen=True, eq=False)
class Annotation:
    """The content of an annotation file; boxes as in `Sample`. `filename` is None if the file names no image."""

    filename: str | None
    width: int
    height: int
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    difficult: NDArray[np.bool_]


def parse_annotation(text: bytes, path: Path, labels: Mapping[str, int]) -> Annotation:
    """Read the XML of one image; `path` is only named in errors, `labels` maps the known class names to 1..C.

    Raises DataError, and nothing else, for XML that is broken or declares entities, and for invalid objects:
    an unknown class, coordinates that are no numbers, a box that is reversed, without area or beyond its image.
    The defects of all objects are reported at once.
    """
    with _named_in_errors(path):
        root = _parse(text)
        size = _child(root, "size", "the file")
        width, height = (_pixels(size, name) for name in ("width", "height"))
    boxes, classes, difficult = [], [], []
    findings = Findings()
    for number, item in enumerate(root.findall("object"), start=1):
        what = f"object {number}"
        with findings, _named_in_errors(path):
            name = _text(item, "name", what)
            what = f"{what} ({show(name)})"
            classes.append(_label(name, number, labels))
        with findings, _named_in_errors(path):
            boxes.append(_box(_child(item, "bndbox", what), what, width, height))
        with findings, _named_in_errors(path):
            difficult.append(_flag(item, "difficult", what))
    findings.raise_any()
    return Annotation(
        filename=(root.findtext("filename") or "").strip() or None,
        width=width,
        height=height,
        boxes=np.array(boxes, dtype=np.float32).reshape(-1, 4),
        labels=np.array(classes, dtype=np.int64),
        difficult=np.array(difficult, dtype=np.bool_),
    )


class _DefectError(Exception):
    """A defect without its file, which the caller adds."""


class _UnknownClassError(_DefectError):
    """An unknown class: the annotation may be right and the list of classes incomplete."""


@contextmanager
def _named_in_errors(path: Path) -> Iterator[None]:
    """Within this context, a _DefectError becomes a DataError of the file at `path`."""
    try:
        yield
    except _UnknownClassError as defect:
        raise DataError(path, str(defect), NAME_ALL_CLASSES) from defect
    except _DefectError as defect:
        raise DataError(path, str(defect)) from defect


def _parse(text: bytes) -> Element:
    try:
        root = fromstring(text, forbid_dtd=True)
    except DefusedXmlException as error:
        raise _DefectError("the XML declares a document type or entities, which annotations may not") from error
    except ParseError as error:
        raise _DefectError(f"broken XML ({error})") from error
    except (ValueError, LookupError) as error:
        raise _DefectError(f"XML in an encoding that can't be read ({error})") from error
    if root.tag != "annotation":
        raise _DefectError(f"the outermost XML element is <{show(root.tag)[1:-1]}>, a VOC file has <annotation>")
    return root


def _label(name: str, number: int, labels: Mapping[str, int]) -> int:
    if name in labels:
        return labels[name]
    lowered = {known.lower(): known for known in labels}
    near = nearest(name.lower()[:100], lowered)
    guess = f" (did you mean {lowered[near]!r}?)" if near is not None else ""
    known_names = ", ".join(labels)
    raise _UnknownClassError(f"object {number} is of the unknown class {show(name)}{guess}; known: {known_names}")


def _box(box: Element, what: str, width: int, height: int) -> tuple[float, float, float, float]:
    """x1, y1, x2, y2 as corners, from VOC's first and last pixel counted from 1."""
    xmin, ymin, xmax, ymax = (_number(box, name, what) for name in ("xmin", "ymin", "xmax", "ymax"))
    xmin, xmax = _span("x", xmin, xmax, width, what)
    ymin, ymax = _span("y", ymin, ymax, height, what)
    return xmin - 1, ymin - 1, xmax, ymax


def _span(axis: str, low: float, high: float, extent: int, what: str) -> tuple[float, float]:
    """The first and last pixel within the image: decimals are rounded, and may lie a little beyond its border."""
    if low > high:
        span = f"{axis}min {show_number(low)} is greater than {axis}max {show_number(high)}"
        raise _DefectError(f"the box of {what} is reversed: {span}")
    if low == high:
        raise _DefectError(f"the box of {what} has no area: {axis}min and {axis}max are both {show_number(low)}")
    span = f"{axis} goes from {show_number(low)} to {show_number(high)}"
    if not all(_is_within(value, extent) for value in (low, high)):
        raise _DefectError(
            f"the box of {what} is outside its image, {extent} pixels by its <size>: {span}, "
            f"allowed is 1 to {extent}, for decimals {1 - EDGE} to {extent + EDGE} (VOC counts pixels from 1)"
        )
    first, last = max(low, 1), min(high, extent)
    if first >= last:
        raise _DefectError(f"the box of {what} has no area within its image: {span}")
    return first, last


def _is_within(value: float, extent: int) -> bool:
    beyond = 0 if value.is_integer() else EDGE
    return 1 - beyond <= value <= extent + beyond


def _pixels(size: Element, name: str) -> int:
    value = _number(size, name, "the image size")
    if value < 1 or value != int(value):
        raise _DefectError(f"<{name}> of the image size is {show_number(value)}, must be a whole number of at least 1")
    return int(value)


def _flag(parent: Element, name: str, what: str) -> bool:
    """VOC's 0 or 1; a file without the element means 0, as in VOC's own tools."""
    text = (parent.findtext(name, default="0") or "").strip()
    if text not in ("0", "1"):
        raise _DefectError(f"<{name}> of {what} is {show(text)}, must be 0 or 1")
    return text == "1"


def _number(parent: Element, name: str, what: str) -> float:
    text = _text(parent, name, what)
    if not _NUMBER.fullmatch(text):
        raise _DefectError(f"<{name}> of {what} is {show(text)}, must be a plain number")
    return float(text)


def _text(parent: Element, name: str, what: str) -> str:
    text = (_child(parent, name, what).text or "").strip()
    if not text:
        raise _DefectError(f"<{name}> of {what} is empty")
    return text


def _child(parent: Element, name: str, what: str) -> Element:
    child = parent.find(name)
    if child is None:
        raise _DefectError(f"{what} has no <{name}>")
    return child
