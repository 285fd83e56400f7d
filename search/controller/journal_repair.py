"""What we must know of Optuna's journal file to open it after its writer was killed, or to say where it is damaged.

The file has one JSON object per line: the record of one operation, with the operation's number in `op_code`. The lock
of its writer lies beside it, under the file's name and `.lock`. Tests compare both with the installed Optuna.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import BaseJournalBackend, JournalFileBackend

from search.errors import RunError

OPERATIONS = range(11)
"""The numbers of the operations that Optuna 5 reads."""
DELETE_STUDY = 1


class UnreadParameters(BaseJournalBackend):
    """Optuna's journal file, in which the storage reads back what it wrote itself without the trials' parameters.

    After each write Optuna's storage reads what is new, to see what other programs wrote. It would make the
    distribution of every knob anew, of the very trial that it has just been given. `Journal` has these trials anyway.
    """

    def __init__(self, path: Path) -> None:
        self._file = JournalFileBackend(str(path))
        self._own: set[str] = set()

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        self._own.update(log["worker_id"] for log in logs)
        self._file.append_logs(logs)

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        for log in self._file.read_logs(log_number_from):
            yield {**log, "distributions": {}, "params": {}} if log.get("worker_id") in self._own else log


def open_journal_file(path: Path) -> BaseStorage:
    """The storage in a journal file, which is made where there is none. Only for a process that alone may write it.

    Removes the lock of a killed process, and the last record where it is half written. Raises RunError, with the line,
    for damage anywhere else, and for a study that another program has deleted.
    """
    for lock in path.parent.glob(f"{path.name}.lock*"):
        lock.unlink(missing_ok=True)
    if path.exists():
        cut_half_written(path)
        _check(path)
    try:
        return JournalStorage(UnreadParameters(path))
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"{path} is damaged: a record lacks what it must have ({error!r}). Start again in another folder "
            "(--run-dir)."
        ) from error


def cut_half_written(path: Path) -> None:
    """Remove a last line that has no end, or has an end and is no record: a process was killed while it wrote it."""
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    last = content.rfind(b"\n", 0, max(whole - 1, 0)) + 1
    if whole and not is_record(content[last:whole]):
        whole = last
    if whole < len(content):
        with path.open("r+b") as file:
            file.truncate(whole)
            os.fsync(file.fileno())


def is_record(line: bytes) -> bool:
    """Whether a line is a JSON object with the number of a known operation."""
    try:
        entry = json.loads(line)
    except ValueError:
        return False
    return isinstance(entry, dict) and isinstance(entry.get("op_code"), int) and entry["op_code"] in OPERATIONS


def _check(path: Path) -> None:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not is_record(line):
                raise RunError(
                    f"{path} is damaged in line {number}: it holds no record of an operation. Cut the file off before "
                    "that line to keep the trials above it, or start again in another folder (--run-dir)."
                )
            if json.loads(line)["op_code"] == DELETE_STUDY:
                raise RunError(
                    f"{path} has its study deleted in line {number}, by another program. Remove that line to have its "
                    "trials again, or start again in another folder (--run-dir)."
                )
