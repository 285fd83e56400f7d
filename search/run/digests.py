"""Digests of the weights that a run made and of those that it was given: it never uses another file in their place."""

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


def input_digests(run: RunFolder, files: Mapping[str, Path]) -> dict[str, str]:
    """The sha256 of each file of weights that the user gave, by key of the config.

    Raises RunError where the file of a begun run is another one by now. A file that is gone is left out: a teacher that
    was trained from it stands without it.
    """
    known = _known_inputs(run)
    found = {key: digest_of(path) for key, path in files.items() if path.is_file()}
    changed = [f"{key} ({files[key]})" for key, digest in found.items() if known.get(key, digest) != digest]
    if changed:
        raise RunError(
            f"{run.path} was begun with other weights than are there now: {', '.join(changed)} is another file. "
            "Bring the old one back, or give another --run-dir."
        )
    return found


def note_inputs(run: RunFolder, digests: Mapping[str, str]) -> None:
    """Write `input_digests` to `given.json`, beside those that the run used before."""
    file = run.path / layout.GIVEN
    if digests or file.is_file():
        write_whole(file, json.dumps({**_known_inputs(run), **digests}, indent=2).encode())


def _known_inputs(run: RunFolder) -> dict[str, str]:
    """The digests in `given.json`; those of a start that trained nothing don't count."""
    file = run.path / layout.GIVEN
    return read_json(file) if run.begun and file.is_file() else {}
