"""The start of a run: its folder, checked and locked, in which nothing is written yet."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from search.config import Config
from search.run.folder import RunFolder, check_run_folder
from search.run.lock import RunLock


@contextmanager
def started_run(path: Path, config: Config, command: str = "search") -> Iterator[RunFolder]:
    """The folder of a run with this config, new or begun, with its lock held: `with started_run(...) as run:`.

    Call `RunFolder.begin` once the data has been read: a start that is refused before that leaves the folder as it was.
    Raises RunError as `check_run_folder` and `RunLock` do.
    """
    check_run_folder(path, config, command)  # first without the lock, which needs a folder
    with RunLock(path):
        check_run_folder(path, config, command)
        yield RunFolder(path.resolve())
