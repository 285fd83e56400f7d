"""The weights that a run made and stands on, each told by its bytes: another file in its place is never used."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from results import layout
from search.errors import RunError
from search.run.folder import RunFolder, read_json
from trainers.checkpoint import CheckpointError
from trainers.whole_files import digest_of, write_whole


@contextmanager
def writing(folder: RunFolder, file: Path) -> Iterator[None]:
    """Inside it the run makes one of its files, whose sha256 stands in `written.json` afterwards.

    Before that what was known of an earlier one is forgotten: a process that is killed inside leaves a file without a
    note, or none.
    """
    _note(folder, file, None)
    yield
    _note(folder, file, digest_of(file))


@contextmanager
def reading(folder: RunFolder, file: Path) -> Iterator[None]:
    """Inside it one of the run's files is read. One without a note, as older runs have them, gets it then.

    Raises RunError, with the way out, where it isn't the file that the run wrote, and for a CheckpointError inside.
    """
    known, found = _notes(folder).get(_name(folder, file)), digest_of(file)
    if known not in (None, found):
        raise not_as_written(file)
    try:
        yield
    except CheckpointError as error:
        if known == found:
            raise RunError(
                f"{file} is as the run wrote it, but can't be used: {error} Perhaps another version of Bitfront wrote "
                "it. Go on with that one, or delete the file, and the run trains it again."
            ) from error
        raise not_as_written(file) from error
    if known is None:
        _note(folder, file, found)


def not_as_written(file: Path, to_delete: Path | None = None) -> RunError:
    """What to say of a file of a run that is another one by now; `to_delete` is what it stands and falls with."""
    return RunError(
        f"{file} is not the file that the run wrote: it was damaged, replaced or taken away. Bring that one back, or "
        f"delete {to_delete or 'this one'}, and the run trains it again."
    )


def _notes(folder: RunFolder) -> dict[str, str]:
    file = folder.path / layout.WRITTEN
    return read_json(file) if file.is_file() else {}


def _note(folder: RunFolder, file: Path, digest: str | None) -> None:
    name, notes = _name(folder, file), _notes(folder)
    if notes.get(name) == digest:
        return
    changed = {**notes, name: digest} if digest is not None else {one: notes[one] for one in notes if one != name}
    write_whole(folder.path / layout.WRITTEN, json.dumps(changed, indent=2).encode())


def _name(folder: RunFolder, file: Path) -> str:
    return file.relative_to(folder.path).as_posix()


def keep_given_files(folder: RunFolder, files: Mapping[str, Path]) -> None:
    """Note in `given.json` the sha256 of each file, by key of the config, beside those that the run used before.

    Raises RunError where a file of a begun run is another one by now. One that is gone is left to whoever reads it: a
    teacher that was trained from it stands without it.
    """
    file = folder.path / layout.GIVEN
    known = read_json(file) if folder.begun and file.is_file() else {}
    found = {key: digest_of(path) for key, path in files.items() if path.is_file()}
    changed = [f"{key} ({files[key]})" for key, digest in found.items() if known.get(key, digest) != digest]
    if changed:
        raise RunError(
            f"{folder.path} was begun with other weights than are there now: {', '.join(changed)} is another file. "
            "Bring the old one back, or give another --run-dir."
        )
    if found or file.is_file():
        write_whole(file, json.dumps({**known, **found}, indent=2).encode())
