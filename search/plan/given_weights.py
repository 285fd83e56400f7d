"""The files of weights that a config names, each told by its bytes: a run stands on those that it was begun with."""

from collections.abc import Collection
from pathlib import Path

from search.config import Config
from search.config.schema import TWIN
from spaces.published.names import NAMES


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


def _weights_of(config: Config, name: str) -> tuple[str, str] | None:
    """The key and value of the weights that a teacher is, or else is trained from."""
    teacher = config.teachers[name]
    return (f"teachers.{name}.weights", str(teacher.weights)) if teacher.is_given else start_of(config, name)
