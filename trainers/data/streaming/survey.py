"""What one pass over the images of a data set found, kept in a file so that later starts need no such pass."""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from numpy.typing import NDArray

from trainers.data.picture import Picture
from trainers.data.resizing import Resizing
from trainers.data.sample import Sample
from trainers.whole_files import write_whole

VERSION = "images-1"
"""Raise it whenever the same file becomes other pixels."""
_DAMAGE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


@dataclass(frozen=True, eq=False)
class Survey:
    """M images, one for each sample, and where their resized pixels lie in the file of pixels.

    sizes (M, 2) int32: width and height on disk; stored, turned (M,) bool: see `Picture`. shapes (M, 2) int32: height
    and width of the resized image. offsets (M + 1,) int64: the bytes of image i are offsets[i] to offsets[i + 1]. sums
    (M,) uint32: the CRC-32 of these bytes. written (1,) int64: when the file of pixels was written, in nanoseconds. An
    unusable image has no bytes; `reasons` says why, by its place.
    """

    sizes: NDArray[np.int32]
    stored: NDArray[np.bool_]
    turned: NDArray[np.bool_]
    shapes: NDArray[np.int32]
    offsets: NDArray[np.int64]
    sums: NDArray[np.uint32]
    written: NDArray[np.int64]
    reasons: Mapping[int, str]

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def largest(self) -> int:
        """The bytes of the largest image."""
        return int(np.prod(self.shapes, axis=1, dtype=np.int64).max(initial=0)) * 3

    def picture(self, place: int) -> Picture:
        """How an image was read."""
        width, height = self.sizes[place].tolist()
        return Picture(width, height, bool(self.stored[place]), bool(self.turned[place]))

    def save(self, file: Path) -> None:
        """Write all of it."""
        content = io.BytesIO()
        reasons = np.frombuffer(json.dumps({str(place): why for place, why in self.reasons.items()}).encode(), np.uint8)
        np.savez(content, **{name: getattr(self, name) for name in _arrays()}, reasons=reasons)
        write_whole(file, content.getvalue())


def load_survey(file: Path, images: int) -> Survey | None:
    """What `Survey.save` wrote on that many images; None where that is absent or damaged."""
    try:
        with np.load(file, allow_pickle=False) as content:
            arrays: dict[str, Any] = {name: content[name] for name in _arrays()}
            reasons = json.loads(content["reasons"].tobytes())
    except _DAMAGE:
        return None
    survey = Survey(**arrays, reasons={int(place): str(why) for place, why in reasons.items()})
    return survey if len(survey) == images else None


def survey_key(samples: Sequence[Sample], resizing: Resizing) -> str:
    """A name that changes with the files, by name, size and time of change, and with what decides their pixels."""
    digest = hashlib.sha256(json.dumps([VERSION, PIL.__version__, resizing.key]).encode())
    for sample in samples:
        named = [sample.image.name, *_stamp(sample.image), sample.width, sample.height, sample.has_own_size]
        digest.update(json.dumps(named).encode())
    return digest.hexdigest()[:24]


def _stamp(file: Path) -> tuple[int, int]:
    try:
        found = file.stat()
    except OSError:
        return -1, -1  # which the pass reports
    return found.st_size, found.st_mtime_ns


def _arrays() -> list[str]:
    return [field.name for field in fields(Survey) if field.name != "reasons"]
