"""Small VOC data in which every picture is recognised by its size, so that a test sees which one is read."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from PIL import Image


def box_of(number: int) -> tuple[int, int, int, int]:
    """The box of picture `number`, corners from 0: no two pictures have the same."""
    return number, 2 * number, 20 + number, 30 + number


def xml_of(number: int, filename: str | None = None, size: str | None = None, name: str = "cat") -> str:
    """The annotation of picture `number`, of 100 + number x 80 pixels, with one cat in `box_of(number)`."""
    named = "" if filename is None else f"<filename>{filename}</filename>"
    size = f"<size><width>{100 + number}</width><height>80</height></size>" if size is None else size
    x1, y1, x2, y2 = box_of(number)
    box = f"<xmin>{x1 + 1}</xmin><ymin>{y1 + 1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax>"
    return f"<annotation>{named}{size}<object><name>{name}</name><bndbox>{box}</bndbox></object></annotation>"


@pytest.fixture(scope="session")
def voc_xml() -> Callable[..., str]:
    """`xml_of`, for the tests."""
    return xml_of


def save_picture(path: Path, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (100 + number, 80), (number, 9, 9)).save(path)


@pytest.fixture
def write_files(tmp_path: Path) -> Callable[[Mapping[str, object]], Path]:
    """Writes files below a folder, which it returns: a picture for each number, else the text or the bytes."""

    def write(files: Mapping[str, object]) -> Path:
        for name, content in files.items():
            path = tmp_path / "data" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, int):
                save_picture(path, content)
            else:
                path.write_bytes(content if isinstance(content, bytes) else str(content).encode())
        return tmp_path / "data"

    return write
