"""The durable record of a search: an Optuna study that gets one append per finished trial, and what is in flight."""

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial
from sqlalchemy.exc import SQLAlchemyError

from search.controller.objectives import directions
from search.errors import RunError
from spaces.candidate import Value
from spaces.space import SearchSpace

IDENTITY = "bitfront"


@dataclass(frozen=True)
class InFlight:
    """A proposal that has been given out: its number, its full parameters, and what the sampler noted about it."""

    number: int
    params: dict[str, Value]
    system_attrs: dict[str, Any] = field(default_factory=dict)


class Journal:
    """The study of a run, on disk. Only one process may write it: hold the run's `RunLock`.

    Opening cuts off a record that a killed process left half written, and removes that process's lock on the file.
    Raises RunError when the record is damaged, or belongs to another search space or other objectives.
    """

    def __init__(
        self, run_dir: Path, *, name: str, space: SearchSpace, objectives: Sequence[str], storage: str | None = None
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        run_dir.mkdir(parents=True, exist_ok=True)
        self.place = storage or str(run_dir / "journal.log")
        self._in_flight = run_dir / "in_flight.jsonl"
        opened = _open_database(storage) if storage else _open_file(run_dir / "journal.log")
        self._study = optuna.create_study(
            storage=opened, study_name=name, directions=directions(objectives), load_if_exists=True
        )
        self._check_identity({"space": _fingerprint(space), "objectives": list(objectives)})

    def append(self, trial: FrozenTrial) -> None:
        """Add a finished trial for good: when this returns, it is on the disk."""
        self._study.add_trial(trial)

    def trials(self) -> list[FrozenTrial]:
        """All finished trials in the order in which they finished."""
        return self._study.get_trials(deepcopy=False)

    def records(self) -> list[dict[str, object]]:
        """One flat dict per finished trial, in the order in which they finished: the rows of the trials table."""
        return [record(trial) for trial in self.trials()]

    def in_flight(self) -> list[InFlight]:
        """What has been given out, also by earlier processes, without what has finished since: by rising number."""
        if not self._in_flight.is_file():
            return []
        finished = {trial.user_attrs["number"] for trial in self.trials()}
        given_out = {}
        for line in self._in_flight.read_bytes().splitlines():
            with suppress(ValueError, TypeError):  # half written when a process was killed: it was not given out yet
                entry = InFlight(**json.loads(line))
                given_out[entry.number] = entry
        return [given_out[number] for number in sorted(given_out) if number not in finished]

    def note_in_flight(self, proposal: InFlight) -> None:
        """Keep a proposal before it is given out.

        Appended, but not flushed to the disk: it must outlive the process, not the power. Lost with the power, its
        candidate is proposed anew.
        """
        with self._in_flight.open("ab") as file:
            file.write(json.dumps(vars(proposal)).encode() + b"\n")

    def tidy_in_flight(self) -> None:
        """Keep only what has not finished; a line that was half written goes too."""
        left = b"".join(json.dumps(vars(proposal)).encode() + b"\n" for proposal in self.in_flight())
        beside = self._in_flight.with_name(f".{self._in_flight.name}.part")
        beside.write_bytes(left)
        beside.replace(self._in_flight)

    def _check_identity(self, identity: dict[str, Any]) -> None:
        known = self._study.user_attrs.get(IDENTITY)
        if known is None and not self.trials():
            self._study.set_user_attr(IDENTITY, identity)
        elif known != identity:
            differing = [key for key in identity if (known or {}).get(key) != identity[key]]
            raise RunError(
                f"{self.place} records a search with another {' and '.join(differing)}. "
                "Use the config that the run was started with, or another folder (--run-dir) and name."
            )


def record(trial: FrozenTrial) -> dict[str, object]:
    """The row of a finished trial: number, id, state, reason, the canonical candidate's knobs, figures, feasibility."""
    noted = trial.user_attrs
    complete = trial.state == optuna.trial.TrialState.COMPLETE
    return {
        "number": noted["number"],
        "id": noted["id"],
        "state": "complete" if complete else "failed",
        "reason": noted["reason"],
        **noted["candidate"],
        **noted["metrics"],
        **noted["costs"],
        **{f"seconds_{part}": seconds for part, seconds in noted["seconds"].items()},
        "feasible": complete and all(value <= 0 for value in trial.constraints.values()),
    }


def _open_file(path: Path) -> BaseStorage:
    for left in path.parent.glob(f"{path.name}.lock*"):
        left.unlink(missing_ok=True)
    if path.exists():
        _cut_half_written(path)
    try:
        return JournalStorage(JournalFileBackend(str(path)))
    except (ValueError, KeyError, TypeError, AttributeError, AssertionError) as error:
        raise RunError(
            f"{path} is damaged in line {_first_bad_line(path)}: {error}. Cut the file off before that line to keep "
            "the trials above it, or start again in another folder (--run-dir)."
        ) from error


def _cut_half_written(path: Path) -> None:
    """Remove a last line without its end, or with an end but no JSON: the trace of a process that was killed."""
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    last = content.rfind(b"\n", 0, max(whole - 1, 0)) + 1
    if whole and not _is_entry(content[last:whole]):
        whole = last
    if whole < len(content):
        with path.open("r+b") as file:
            file.truncate(whole)
            os.fsync(file.fileno())


def _is_entry(line: bytes) -> bool:
    """Whether a line is what Optuna's journal writes: a mapping with the number of an operation."""
    try:
        entry = json.loads(line)
    except ValueError:
        return False
    return isinstance(entry, dict) and isinstance(entry.get("op_code"), int)


def _first_bad_line(path: Path) -> str:
    with path.open("rb") as file:
        return next((str(number) for number, line in enumerate(file, 1) if not _is_entry(line)), "unknown")


def _open_database(url: str) -> BaseStorage:
    try:
        return RDBStorage(url)
    except (SQLAlchemyError, ImportError) as error:
        reason = str(error).splitlines()[0]
        raise RunError(
            f"search.storage is {url!r}, which can't be opened: {reason}. Give a URL that SQLAlchemy knows, such as "
            "sqlite:////absolute/path/search.db, or null for the run's own journal."
        ) from error


def _fingerprint(space: SearchSpace) -> str:
    knobs = [[knob.key, list(knob.choices)] for knob in space.knobs]
    return hashlib.sha256(json.dumps(knobs).encode()).hexdigest()[:16]
