"""Images of a tiny VOC set, in memory and from a disk."""

from collections.abc import Callable
from pathlib import Path

import pytest

from trainers.data.decoded import Decoded
from trainers.data.decoding import Memory, decode
from trainers.data.formats import data_format
from trainers.data.sample import DetectionData
from trainers.data.streaming.cache import Streaming

SIZE = 32
LITTLE = 0.001
"""MB: less than one image."""


@pytest.fixture(scope="session")
def tiny_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tiny_sets import write_tiny

    return write_tiny("voc", tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def listed() -> Callable[[Path], DetectionData]:
    """The 8 training images below a root, with their objects."""
    return lambda root: data_format("voc").image_sets(root).read("train", class_names=("cat", "dog"))


@pytest.fixture
def streamed(listed: Callable[[Path], DetectionData]) -> Callable[..., Decoded]:
    """Decodes the training images below a root with next to no memory."""

    def read(root: Path, folder: Path | None, workers: int = 0, pixels: bool = True, **options: object) -> Decoded:
        return decode(listed(root), SIZE, Memory(LITTLE, Streaming(folder, pixels, workers)), **options)

    return read
