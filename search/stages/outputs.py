"""What a command writes never replaces what it reads, nor a user's other files unless it is told to."""

from collections.abc import Iterable, Sequence
from os import stat_result
from pathlib import Path

from search.errors import RunError


def refuse_to_overwrite(inputs: Iterable[Path], outputs: Iterable[Path]) -> None:
    """Raises RunError where an output is one of the inputs, under any name or link.

    The inputs, which may be many, are looked at only where an output exists already.
    """
    there = {_identity(status): path for path in outputs if (status := _status(path)) is not None}
    for path in inputs if there else ():
        status = _status(path)
        if status is not None and (output := there.get(_identity(status))) is not None:
            raise RunError(f"{output} would overwrite {path}, which is read. Name another place.")


def refuse_existing(option: str, outputs: Sequence[Path]) -> None:
    """Raises RunError where any of these files exists. option: the one that names their folder, for the message."""
    there = [path for path in outputs if path.exists() or path.is_symlink()]
    if there:
        count = f"{len(there)} of {len(outputs)} files"
        raise RunError(f"{option} would replace {count}, such as {there[0]}. Name another folder, or give --overwrite.")


def _status(path: Path) -> stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def _identity(status: stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
