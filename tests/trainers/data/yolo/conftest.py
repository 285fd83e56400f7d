"""Writes small YOLO data sets, in any layout."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

DOG = "1 0.5 0.5 0.5 0.5\n"
"""In an image of 8 x 6 pixels, x from 2 to 6 and y from 1.5 to 4.5."""


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes files below tmp_path: images of 8 x 6 pixels and texts, by path; None as a text is a dog's label."""

    def write_files(images: str, texts: dict[str, str | None]) -> Path:
        for name in images.split():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 6)).save(tmp_path / name)
        for name, text in texts.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(DOG if text is None else text, encoding="utf-8")
        return tmp_path

    return write_files
