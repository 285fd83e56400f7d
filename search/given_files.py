"""The files of weights that a config names, each told by its bytes: a run stands on those that it was begun with."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path

from search.config import Config
from search.errors import RunError
from search.run_folder import RunFolder, read_json
from search.schema import TWIN
from spaces.published import NAMES
from trainers.checkpoint import digest_of, write_whole


def given_files(config: Config, teachers: Collection[str], *, scratch: bool = False) -> dict[str, Path]:
    """By key of the config the files that these teachers are, or that their training starts from.

    With `scratch` also the one that a network starts from which is trained without its twin. Published weights that go
    by a name are no files of the user's.
    """
    read = [_weights_of(config, name) for name in teachers]
    if scratch:
        read.append(start_of(config, None))
    return {key: Path(weights) for key, weights in filter(None, read) if weights not in NAMES}


def start_of(config: Config, name: str | None) -> tuple[str, str] | None:
    """The key and value of the published weights that a teacher is trained from, or without a name the student.

    The student's are the twin's too, unless it has its own.
    """
    if name is not None:
        teacher = config.teachers[name]
        if teacher.weights is not None and not teacher.is_given:
            return f"teachers.{name}.weights", teacher.weights
    if name in (None, TWIN) and config.student.weights is not None:
        return "student.weights", config.student.weights
    return None


def keep_given_files(folder: RunFolder, files: Mapping[str, Path]) -> None:
    """Note in `given.json` the sha256 of each file, by key of the config, beside those that the run used before.

    Raises RunError where a file of a begun run is another one by now. One that is gone is left to whoever reads it: a
    teacher that was trained from it stands without it.
    """
    file = folder.path / "given.json"
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


def _weights_of(config: Config, name: str) -> tuple[str, str] | None:
    """The key and value of the weights that a teacher is, or else is trained from."""
    teacher = config.teachers[name]
    return (f"teachers.{name}.weights", str(teacher.weights)) if teacher.is_given else start_of(config, name)
