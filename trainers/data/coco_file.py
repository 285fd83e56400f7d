"""COCO's instances files, each parsed once in a process, though several things are asked of them."""

from dataclasses import dataclass
from pathlib import Path

from trainers.data.coco_annotation import Instances, parse_instances, plain_name
from trainers.data.errors import DataError

NAME_THE_ROOT = "Let --data, data.root or BITFRONT_COCO_ROOT name the folder that holds annotations/instances_*.json"

KEPT = 8
"""Of so many files something is kept, those asked for last."""


@dataclass(frozen=True)
class Header:
    """What stays known of a file: its categories in the order of their ids, and its images' plain names, unchecked."""

    categories: tuple[str, ...]
    file_names: tuple[str, ...]


_Key = tuple[Path, int, int]
"""A file as it was: its path, its size in bytes, and when it was changed, in nanoseconds."""

_kept: dict[_Key, tuple[Header, Instances | None]] = {}
"""What was parsed for its header is kept whole until it is read, and not for ever: annotations take much memory."""


def header_of(path: Path) -> Header:
    """What is known of the file before its images are read. Raises DataError for no instances file."""
    key = _key(path)
    header, unread = _kept.get(key) or _parsed(path)
    _keep(key, header, unread)
    return header


def instances_of(path: Path) -> Instances:
    """The file taken apart, to be read now: asked for again, it is parsed again. Raises DataError as `header_of`."""
    key = _key(path)
    header, unread = _kept.get(key, (None, None))
    if header is None or unread is None:
        header, unread = _parsed(path)
    _keep(key, header, None)
    return unread


def _parsed(path: Path) -> tuple[Header, Instances]:
    try:
        text = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error
    found = parse_instances(text, path)
    names = [entry.get("file_name") for entry in found.images if isinstance(entry, dict)]
    file_names = tuple(plain_name(name) for name in names if isinstance(name, str))
    return Header(tuple(found.categories.values()), file_names), found


def _key(path: Path) -> _Key:
    try:
        found = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from error
    return path, found.st_size, found.st_mtime_ns


def _keep(key: _Key, header: Header, unread: Instances | None) -> None:
    _kept.pop(key, None)  # so that it comes last
    _kept[key] = header, unread
    while len(_kept) > KEPT:
        del _kept[next(iter(_kept))]


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(path, f"can't be read ({error.strerror})", NAME_THE_ROOT)
