"""Images on a disk, read one by one."""

import hashlib
import io
import json
import os
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.data.errors import DataError
from trainers.data.image_file import as_rgb, opened, orientation
from trainers.data.resizing import Resizing
from trainers.data.sample import Sample
from trainers.data.streaming.survey import Survey
from trainers.whole_files import write_whole

PIXELS, SURVEY, DIGESTS = "pixels", "survey.npz", "digests.json"
"""The files of a cache's folder: the pixels of all images, what is known of them, and digests over all pixels."""


class StreamedImages:
    """N images (3, H, W) uint8 on a disk, by place: their resized pixels from a cache's file, or else decoded.

    The file is read, not mapped into memory: mapped pages count as the process's memory, and a file that is cut short
    would kill the process. Each image's checksum is compared. Without such a file, as on a machine that doesn't have
    the cache's folder, the image's own file is decoded and resized. Holds no Python object per image, which worker
    processes would copy one by one.
    """

    def __init__(
        self,
        survey: Survey,
        places: NDArray[np.int64],
        files: "ImageFiles",
        folder: Path | None,
        workers: int,
    ) -> None:
        """places (N,): those of the usable images in the survey. workers: how many processes read ahead."""
        self._survey, self._places, self._files = survey, places, files
        self._folder, self.workers = folder, workers
        self._opened: io.FileIO | None = None

    def __len__(self) -> int:
        return len(self._places)

    @property
    def largest(self) -> int:
        """The bytes of the largest image."""
        return self._survey.largest

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        """(3, H, W), which may not be written to. Raises DataError for a damaged cache or file."""
        place = int(self._places[index])
        file = self._file()
        return self._files[place] if file is None else self._cached(file, place)

    def digest(self, begun: "hashlib._Hash") -> str:
        """`begun` continued over all pixels, in hex digits. It is noted in the cache's folder by what it began with."""
        notes, key = self._notes(), begun.hexdigest()
        if key not in notes:
            whole = begun.copy()
            for index in range(len(self)):
                whole.update(np.ascontiguousarray(self[index]).data)
            notes[key] = whole.hexdigest()
            if self._folder is not None:
                with suppress(OSError):  # as in a folder that others share and may not write to
                    write_whole(self._folder / DIGESTS, json.dumps(notes).encode())
        return notes[key]

    def _cached(self, file: io.FileIO, place: int) -> NDArray[np.uint8]:
        start, stop = self._survey.offsets[place : place + 2].tolist()
        content = os.pread(file.fileno(), stop - start, start)
        if zlib.crc32(content) != self._survey.sums[place]:
            raise self._damaged(Path(str(file.name)))
        height, width = self._survey.shapes[place].tolist()
        return np.frombuffer(content, dtype=np.uint8).reshape(3, height, width)

    def _damaged(self, file: Path) -> DataError:
        with suppress(OSError):
            (file.parent / SURVEY).unlink(missing_ok=True)  # the next start makes all anew
        return DataError(
            file,
            "this cache of images is damaged",
            "Start the same command again: the cache is made anew, and the work goes on. Check the disk if it recurs",
        )

    def _file(self) -> io.FileIO | None:
        if self._opened is None and self._folder is not None:
            with suppress(FileNotFoundError):
                self._opened = io.FileIO(self._folder / PIXELS)
        return self._opened

    def _notes(self) -> dict[str, str]:
        if self._folder is None:
            return {}
        try:
            notes = json.loads((self._folder / DIGESTS).read_bytes())
        except (OSError, ValueError):
            return {}
        return {str(key): str(digest) for key, digest in notes.items()} if isinstance(notes, dict) else {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": None}


class ImageFiles:
    """The image files of a data set as one block of bytes, each decoded whenever it is asked for."""

    def __init__(self, samples: Sequence[Sample], stored: NDArray[np.bool_], resizing: Resizing) -> None:
        """stored (M,): which are read as their pixels are stored, rather than upright."""
        names = [os.fsencode(sample.image) for sample in samples]
        self._names = b"".join(names)
        self._ends = np.cumsum([0] + [len(name) for name in names], dtype=np.int64)
        self._stored, self._resizing = stored, resizing

    def __getitem__(self, place: int) -> NDArray[np.uint8]:
        """(3, H, W). Raises DataError for a file that can't be decoded."""
        start, stop = self._ends[place : place + 2].tolist()
        with opened(Path(os.fsdecode(self._names[start:stop]))) as image:
            return self._resizing.pixels(as_rgb(image, orientation(image), stored=bool(self._stored[place])))
