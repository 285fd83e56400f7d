"""COCO's instances files, each parsed once per process, although several callers need parts of it."""

from dataclasses import dataclass
from pathlib import Path

from trainers.data.coco.annotation import Instances, parse_instances
from trainers.data.errors import DataError

NAME_THE_ROOT = (
    "Let --data, data.root or BITFRONT_COCO_ROOT name the folder that holds the data, or name the files of each set: "
    "data.annotations.<set> and data.images.<set>"
)

CACHED_FILES = 8
"""The most files in the cache; the least recently used is dropped first."""


@dataclass(frozen=True)
class Header:
    """The part of a file that stays cached: its class names by rising id, and its images' unchecked names."""

    categories: tuple[str, ...]
    file_names: tuple[str, ...]


_Key = tuple[Path, int, int]
"""A version of a file: its path, its size in bytes, and its modification time in nanoseconds."""

_cache: dict[_Key, tuple[Header, Instances | None]] = {}
"""Headers, and the whole content of files that haven't been read yet. Reading a file drops its content from the cache,
because annotations take much memory."""


def header_of(path: Path) -> Header:
    """The file's header. Raises DataError if the file can't be read or isn't an instances file."""
    key = _key(path)
    header, unread = _cache.get(key) or _parsed(path)
    _store(key, header, unread)
    return header


def instances_of(path: Path) -> Instances:
    """The file's whole content, then dropped from the cache: the next call parses again. Raises as `header_of` does."""
    key = _key(path)
    header, unread = _cache.get(key, (None, None))
    if header is None or unread is None:
        header, unread = _parsed(path)
    _store(key, header, None)
    return unread


def _parsed(path: Path) -> tuple[Header, Instances]:
    try:
        text = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error
    instances = parse_instances(text, path)
    names = [entry.get("file_name") for entry in instances.images if isinstance(entry, dict)]
    file_names = tuple(name for name in names if isinstance(name, str) and name)
    return Header(tuple(instances.categories.values()), file_names), instances


def _key(path: Path) -> _Key:
    try:
        status = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from error
    return path, status.st_size, status.st_mtime_ns


def _store(key: _Key, header: Header, unread: Instances | None) -> None:
    _cache.pop(key, None)  # so that it moves to the end
    _cache[key] = header, unread
    while len(_cache) > CACHED_FILES:
        del _cache[next(iter(_cache))]


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(path, f"can't be read ({error.strerror})", NAME_THE_ROOT)
