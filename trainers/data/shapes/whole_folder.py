"""Generated folders that appear whole or not at all, with a file of the settings that made them."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from trainers.data.errors import DataError
from trainers.whole_files import naming_errors

SETTINGS_FILE = "shapes.json"


@contextmanager
def new_folder(root: Path, settings: Mapping[str, object], key: str = "data.root") -> Iterator[Path | None]:
    """A folder to be filled within the context, which then becomes `root`, with `settings` in a file of its own.

    key: that of a config which names the folder, for messages.
    None where `root` is complete and has these settings. Raises DataError if it holds anything else.
    """
    if _finished(root, settings, key):
        yield None
        return
    root.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{root.name}.", suffix=".unfinished", dir=root.parent))
    try:
        with naming_errors(root):
            yield partial
            text = json.dumps(settings, indent=2) + "\n"
            (partial / SETTINGS_FILE).write_text(text, encoding="utf-8", newline="\n")
        partial.chmod(0o755)  # mkdtemp's folders are closed to others
        _publish(partial, root, settings, key)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _finished(root: Path, settings: Mapping[str, object], key: str) -> bool:
    """Whether the data set is complete and has these settings. Raises DataError if the folder holds anything else."""
    another = f"Let {key} name another folder, or delete this one if it isn't needed"
    path = root / SETTINGS_FILE
    if not path.is_file():
        if root.exists() and not (root.is_dir() and next(root.iterdir(), None) is None):
            raise DataError(root, "is there already, and no generated data set", another)
        return False
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(path, f"can't be read ({error})", another) from error
    if stored != settings:
        keys = stored.keys() | settings.keys() if isinstance(stored, dict) else set()
        other = sorted(key for key in keys if stored.get(key) != settings.get(key))
        differences = "; ".join(f"{key} is {stored.get(key)}, asked for {settings.get(key)}" for key in other)
        raise DataError(root, f"holds a data set of other settings: {differences or 'none known'}", another)
    return True


def _publish(partial: Path, root: Path, settings: Mapping[str, object], key: str) -> None:
    os.sync()  # the many small files at once; one by one they would take longer than drawing them
    try:
        partial.replace(root)
    except OSError:
        if not _finished(root, settings, key):  # another process may have been faster
            raise
        return
    descriptor = os.open(root.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
