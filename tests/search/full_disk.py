"""A disk that gets full at a chosen write, below one folder; every file and folder on it can be the one."""

import builtins
import errno
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Full:
    """Counts writes, new folders and syncs below `folder`; number `at` fails, a write after half of its bytes."""

    def __init__(self, folder: Path, at: int) -> None:
        self.folder, self.at, self.count = str(folder), at, 0

    def reached(self) -> bool:
        self.count += 1
        return self.count == self.at

    def has(self, path: object) -> bool:
        if isinstance(path, int):
            path = Path(f"/proc/self/fd/{path}").readlink()
        return isinstance(path, str | os.PathLike) and os.fspath(path).startswith(self.folder)


def no_space(*names: str) -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), *names)


class _File:
    """An open file whose first write may fail: torch has hundreds. Everything else is the file's own."""

    def __init__(self, file: io.IOBase, disk: Full) -> None:
        self._file, self._disk, self._begun = file, disk, False

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)

    def __enter__(self) -> "_File":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, content: bytes | str) -> int:
        begun, self._begun = self._begun, True
        if not begun and self._disk.reached():
            self._file.write(content[: len(content) // 2])
            self._file.flush()
            raise no_space()
        return self._file.write(content)


@contextmanager
def full_disk(folder: Path, at: int) -> Iterator[Full]:
    """Within it the disk is full at the write number `at` below `folder`, and has room again for the next one."""
    disk, usual = Full(folder, at), (io.open, os.write, os.mkdir, os.fsync)

    def opened(file: object, mode: str = "r", *arguments: object, **options: object) -> object:
        made = usual[0](file, mode, *arguments, **options)
        return _File(made, disk) if disk.has(file) and set(mode) & set("wax+") else made

    def written(descriptor: int, content: bytes) -> int:
        if disk.has(descriptor) and disk.reached():
            raise no_space()
        return usual[1](descriptor, content)

    def made(path: object, *arguments: object, **options: object) -> None:
        if disk.has(path) and not os.path.lexists(path) and disk.reached():
            raise no_space(str(path))
        usual[2](path, *arguments, **options)

    def synced(descriptor: int) -> None:
        if disk.has(descriptor) and disk.reached():
            raise no_space()
        usual[3](descriptor)

    io.open = builtins.open = opened
    os.write, os.mkdir, os.fsync = written, made, synced
    try:
        yield disk
    finally:
        io.open = builtins.open = usual[0]
        os.write, os.mkdir, os.fsync = usual[1:]
