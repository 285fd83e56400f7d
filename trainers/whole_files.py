"""Files that appear whole or not at all."""

import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` with `replacing`: after a crash `path` has either the old or the new content, never a part."""
    with replacing(path) as file:
        file.write(content)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside `path`, to be written within the context; it then replaces `path`.

    The content is synced to disk before the rename, and the folder's entry after it, so both are durable when the
    context ends. Missing folders are created, and a file's permissions stay. A link stays too: the file that it points
    to is replaced. What is no plain file (a pipe, a device, an open descriptor such as /dev/stdout) is written to.
    After an error `path` is unchanged, and no temporary file is left. An OSError has the name of `path`; a folder and
    a file that may not be written to raise one.
    """
    target = _plain_target(path)
    if target is None:
        with naming_errors(path), _opened(path) as file:
            yield file
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    with naming_errors(path, beside):
        try:
            beside.unlink(missing_ok=True)
            with beside.open("xb") as file:
                _keep_permissions(file.fileno(), target)
                yield file
                _sync(file)
            _put(beside, target)
        finally:
            beside.unlink(missing_ok=True)
        _sync_folder(target.parent)


@contextmanager
def naming_errors(path: Path, beside: Path | None = None) -> Iterator[None]:
    """Give an OSError the name of `path` if it has none, as those of writing, or has the name of `beside`."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(beside)):
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error


def digest_of(path: Path) -> str:
    """The sha256 of a file's bytes, in hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _plain_target(path: Path) -> Path | None:
    """The plain file that `path` names, or will name, with all links followed; None for what can't be replaced."""
    if _own_descriptor(path) is not None:
        return None
    target = Path(os.path.realpath(path))
    try:
        there = path.stat()
    except FileNotFoundError:
        return target
    if stat.S_ISDIR(there.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    # Another process's descriptor can name a file that has no path any more.
    if not (stat.S_ISREG(there.st_mode) and target.exists() and os.path.samestat(there, target.stat())):
        return None
    if os.access(target.parent, os.W_OK) and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    return target


def _own_descriptor(path: Path) -> int | None:
    """The number of the descriptor of this process that a path such as /dev/stdout or /dev/fd/63 names."""
    followed = 0
    while followed < 40:  # as many links as Linux follows
        folder = os.path.realpath(path.parent)
        if folder in ("/dev/fd", f"/proc/{os.getpid()}/fd") and path.name.isdecimal():
            return int(path.name)
        if not path.is_symlink():
            return None
        path, followed = path.parent / path.readlink(), followed + 1
    return None


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Write to what is there. A descriptor is used itself: opening a file by it would begin at the file's start."""
    own = _own_descriptor(path)
    with path.open("wb") if own is None else os.fdopen(os.dup(own), "wb") as file:
        yield file


def _keep_permissions(descriptor: int, target: Path) -> None:
    """Give a new file the owner and the mode of the one that it will replace, as far as the system allows it."""
    with suppress(OSError):
        before, now = target.stat(), os.fstat(descriptor)
        if (before.st_uid, before.st_gid) != (now.st_uid, now.st_gid):
            with suppress(OSError):
                os.fchown(descriptor, before.st_uid, before.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(before.st_mode))


def _put(beside: Path, target: Path) -> None:
    """Rename over the target. A file that is mounted by itself, as in a container, is busy then and written to."""
    try:
        beside.replace(target)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        with beside.open("rb") as content, target.open("wb") as file:
            shutil.copyfileobj(content, file)
            _sync(file)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make a rename in this folder survive a power cut. Windows can't open a folder, so nothing is done there."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
