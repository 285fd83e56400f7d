"""The cache of a data set's images: a folder with the pixels of all, made once, whole or not at all."""

import fcntl
import os
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from trainers.data.errors import DataError
from trainers.data.streaming.images import PIXELS, SURVEY
from trainers.data.streaming.making import Pass
from trainers.data.streaming.survey import Survey, load_survey, survey_key
from trainers.data.streaming.workers import default_workers
from trainers.progress import Progress
from trainers.whole_files import naming_errors


@dataclass(frozen=True)
class Streaming:
    """How images are read that don't fit into memory.

    folder: for caches; None keeps nothing. keeps_pixels: whether their resized pixels are kept there; False decodes
    each image whenever it is read, and keeps only what is known of it. workers: the processes that read ahead; None is
    `default_workers`.
    """

    folder: Path | None = None
    keeps_pixels: bool = True
    workers: int | None = None

    @property
    def processes(self) -> int:
        return default_workers() if self.workers is None else self.workers

    @property
    def described(self) -> str:
        """From where the images are read, for people."""
        return f"from a cache in {self.folder}" if self.folder and self.keeps_pixels else "from their files"

    def place(self, key: str) -> Path | None:
        """The folder of one cache."""
        return None if self.folder is None else self.folder / key


def cached_survey(work: Pass, streaming: Streaming, progress: Progress) -> tuple[Survey, Path | None]:
    """What is known of the images, with the folder of their cache: read if it is whole, else made.

    Raises what `Pass.over` raises, and DataError where the disk has no room for the pixels.
    """
    place = streaming.place(survey_key(work.samples, work.resizing))
    if place is None:
        return work.over(None), None
    with naming_errors(place):
        place.parent.mkdir(parents=True, exist_ok=True)
    survey = _whole(place, len(work.samples), streaming.keeps_pixels)
    if survey is None:
        with _locked(place, progress):
            survey = _whole(place, len(work.samples), streaming.keeps_pixels)  # another run made it meanwhile
            if survey is None:
                if place.exists():
                    progress.note(f"The cache of images in {place} is damaged or incomplete. It is made anew.")
                survey = _made(work, place, streaming)
    return survey, place


def _whole(place: Path, images: int, with_pixels: bool) -> Survey | None:
    """The survey of a cache that is as it was written; None where it isn't.

    The pixels are read only where their file's time has changed, as by a copy or by damage.
    """
    survey = load_survey(place / SURVEY, images)
    if survey is None or not with_pixels:
        return survey
    try:
        there = (place / PIXELS).stat()
        if there.st_size != survey.offsets[-1]:
            return None
        if there.st_mtime_ns == survey.written[0] or _are_as_written(place / PIXELS, survey):
            return survey
    except OSError:
        return None
    return None


def _are_as_written(file: Path, survey: Survey) -> bool:
    with file.open("rb") as pixels:
        sizes = (survey.offsets[1:] - survey.offsets[:-1]).tolist()
        return all(
            zlib.crc32(pixels.read(size)) == known for size, known in zip(sizes, survey.sums.tolist(), strict=True)
        )


def _made(work: Pass, place: Path, streaming: Streaming) -> Survey:
    """Make a cache beside its place and move it there. Nothing is left of one that can't be finished."""
    beside = place.with_name(f".{place.name}.unfinished")
    shutil.rmtree(beside, ignore_errors=True)  # of a start that was killed; we hold the lock
    try:
        with naming_errors(beside):
            beside.mkdir()
        if streaming.keeps_pixels:
            _check_room(work, place.parent)
        survey = work.over(beside / PIXELS if streaming.keeps_pixels else None)
        survey.save(beside / SURVEY)
        shutil.rmtree(place, ignore_errors=True)
        beside.rename(place)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    return survey


def _check_room(work: Pass, folder: Path) -> None:
    needed = work.resizing.bytes_of((one.width, one.height) for one in work.samples)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DataError(
            folder,
            f"the disk has {free / 2**20:.1f} MB free, the cache of {len(work.samples)} images takes "
            f"{needed / 2**20:.1f} MB",
            "Make room there, name a folder on another disk in data.cache, or set data.beyond_memory: files to decode "
            "each image whenever it is read",
        )


@contextmanager
def _locked(place: Path, progress: Progress) -> Iterator[None]:
    """One process at a time makes a cache; the kernel takes the lock back when that process dies."""
    file = place.with_name(f".{place.name}.lock")
    with naming_errors(file):
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                progress.note(f"Another process makes the cache of images in {place}. This one waits for it.")
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
