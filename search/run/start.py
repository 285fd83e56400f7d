"""The start of a run: of one that is refused before it trained or scored anything there is no trace afterwards."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from results import layout
from search.config import Config, ConfigError
from search.errors import RunError
from search.run.folder import RunFolder, open_run_folder
from search.run.lock import RunLock
from trainers.checkpoint import CheckpointError
from trainers.data.errors import DataError
from trainers.data.shapes import SETTINGS_FILE
from trainers.whole_files import write_whole

REFUSALS = (ConfigError, DataError, CheckpointError, RunError)
NOTES = (
    layout.ENVIRONMENT,
    layout.SECONDS,
    layout.DATA_DIGEST,
    layout.DATA_DEFECTS,
    layout.GIVEN,
    layout.WRITTEN,
    layout.TRAINING_LOG,
    layout.CONFIG,
)
"""What a start writes down before it trains or scores anything; last what tells that the folder is a run."""


@contextmanager
def started_run(path: Path, config: Config, command: str = "search") -> Iterator[RunFolder]:
    """The folder of a run with this config, made or gone on in, and its lock held: `with started_run(...) as folder:`.

    Raises RunError as `open_run_folder` and `RunLock` do. See `untouched_if_refused` for how it is left.
    """
    with RunLock(path), untouched_if_refused(RunFolder(path.resolve())):
        yield open_run_folder(path, config, command)


@contextmanager
def untouched_if_refused(folder: RunFolder) -> Iterator[None]:
    """Put the folder back as it was when a user's mistake ends what is inside before anything was trained or scored.

    The run's lock must be held. Only files are touched that a start writes by itself: its notes, and the images that it
    generated.
    """
    notes = {file: file.read_bytes() for file in map(folder.path.joinpath, NOTES) if file.is_file()}
    had_data, results = folder.data.exists(), _results(folder)
    try:
        yield
    except REFUSALS:
        if _results(folder) == results:
            if not had_data and (folder.data / SETTINGS_FILE).is_file():
                _remove_whole(folder.data)
            for file in map(folder.path.joinpath, NOTES):
                _put_back(file, notes.get(file))
        raise


def _results(folder: RunFolder) -> dict[Path, int]:
    """What was trained or scored, each file with when it was written."""
    return {file: file.stat().st_mtime_ns for file in folder.results()}


def _remove_whole(data: Path) -> None:
    """A process that is killed in here leaves no half of a data set in its place."""
    beside = data.with_name(f".{data.name}.unfinished")
    shutil.rmtree(beside, ignore_errors=True)
    shutil.rmtree(data.rename(beside), ignore_errors=True)


def _put_back(file: Path, content: bytes | None) -> None:
    if content is None:
        file.unlink(missing_ok=True)
    elif not file.is_file() or file.read_bytes() != content:
        write_whole(file, content)
