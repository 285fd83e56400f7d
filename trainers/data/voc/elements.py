"""The XML elements of an annotation file: nothing in them is trusted."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree.ElementTree import Element

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from trainers.data.errors import DataError, show
from trainers.data.voc.encoding import xml_text

# No nan, no inf, no digits of other scripts. Decimals are as many as a tool prints, and programs write a number close
# to zero with an exponent, such as 5.96e-08.
NUMBER = re.compile(r"[+-]?[0-9]{1,9}(\.[0-9]*)?([eE][+-]?[0-9]{1,3})?")
_TOO_LARGE = 1e9


class DefectError(Exception):
    """A defect without its file, which the caller adds; way_out: what may help, where it isn't the usual."""

    def __init__(self, reason: str, *way_out: str) -> None:
        super().__init__(reason, *way_out)


@contextmanager
def named_in_errors(path: Path) -> Iterator[None]:
    """Within this context, a DefectError becomes a DataError of the file at `path`."""
    try:
        yield
    except DefectError as defect:
        raise DataError(path, *defect.args) from defect


def parse_xml(content: bytes) -> Element:
    """The outermost element, <annotation>, of the content of a file. Raises DefectError for anything else."""
    try:
        root = fromstring(xml_text(content), forbid_dtd=True)
    except DefusedXmlException as error:
        raise DefectError("the XML declares a document type or entities, which annotations may not") from error
    except ParseError as error:
        raise DefectError(f"broken XML ({error})") from error
    except UnicodeError as error:  # half characters, which UTF-7 can hold
        raise DefectError(f"broken XML ({error})") from error
    except ValueError as error:
        raise DefectError(str(error)) from error
    if root.tag != "annotation":
        raise DefectError(f"the outermost XML element is <{show(root.tag)[1:-1]}>, a VOC file has <annotation>")
    return root


def number_in(parent: Element, name: str, what: str) -> float:
    """The number in the element `name` of `parent`, which errors call `what`."""
    text = text_in(parent, name, what)
    if not NUMBER.fullmatch(text) or abs(value := float(text)) >= _TOO_LARGE:
        raise DefectError(f"<{name}> of {what} is {show(text)}, must be a plain number")
    return value


def text_in(parent: Element, name: str, what: str) -> str:
    """The text in the element `name`, which must not be empty."""
    text = (child_of(parent, name, what).text or "").strip()
    if not text:
        raise DefectError(f"<{name}> of {what} is empty")
    return text


def child_of(parent: Element, name: str, what: str) -> Element:
    """The first element `name` right below `parent`."""
    child = parent.find(name)
    if child is None:
        raise DefectError(f"{what} has no <{name}>")
    return child
