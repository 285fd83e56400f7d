"""The durable record of a search: an Optuna study that gets one append per finished trial, and what is in flight."""

import hashlib
import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import optuna
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.storages import BaseStorage, RDBStorage
from optuna.trial import FrozenTrial
from sqlalchemy.exc import SQLAlchemyError

from results import layout
from search.controller.journal_repair import open_journal_file
from search.controller.objectives import directions
from search.controller.structured.predictions import PREDICTED, prediction_columns
from search.errors import RunError
from spaces.candidate import Value
from spaces.space import SearchSpace
from trainers.whole_files import naming_errors, write_whole

IDENTITY = "bitfront"


@dataclass(frozen=True)
class InFlight:
    """A proposal that has been given out: number, full parameters, what its sampler needs recorded, and rung."""

    number: int
    params: dict[str, Value]
    user_attrs: dict[str, Any] = field(default_factory=dict)
    rung: int = 0

    @classmethod
    def from_json(cls, line: bytes) -> Self:
        """Read one line of the file. Earlier versions called `user_attrs` `system_attrs`. Raises ValueError."""
        entry: Any = json.loads(line)
        if not isinstance(entry, dict) or not {"number", "params"} <= entry.keys():
            raise ValueError(f"The line {line!r} holds no proposal.")
        attributes = entry["user_attrs"] if "user_attrs" in entry else entry.get("system_attrs", {})
        return cls(entry["number"], entry["params"], attributes, entry.get("rung", 0))

    def to_json(self) -> bytes:
        return json.dumps(vars(self)).encode() + b"\n"


class Journal:
    """The study of a run, on disk. Only one process may write it: hold the run's `RunLock`.

    Any program that reads Optuna's studies can read it: its objectives are named, and each trial has the times at which
    it was proposed and finished. Trials are numbered in the order in which they finished; their user attributes
    `number` and `rung` are those of the proposal.
    Opening it repairs what a killed process left (`journal_repair`). Raises RunError when the record is damaged, or
    belongs to another search space or other objectives.
    """

    def __init__(
        self, run_dir: Path, *, name: str, space: SearchSpace, objectives: Sequence[str], storage: str | None = None
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        run_dir.mkdir(parents=True, exist_ok=True)
        self.place = storage or str(run_dir / layout.JOURNAL)
        self._in_flight = run_dir / layout.IN_FLIGHT
        opened = _open_database(storage) if storage else open_journal_file(run_dir / layout.JOURNAL)
        with self._written():
            self._study = optuna.create_study(
                storage=opened, study_name=name, directions=directions(objectives), load_if_exists=True
            )
            self._check_identity({"space": _fingerprint(space), "objectives": list(objectives)})
            self._name_objectives(list(objectives))

    def append(self, trial: FrozenTrial) -> None:
        """Add a finished trial for good: when this returns, it is on the disk."""
        with self._written():
            self._study.add_trial(trial)

    def trials(self) -> list[FrozenTrial]:
        """All finished trials in the order in which they finished."""
        return self._study.get_trials(deepcopy=False)

    def records(self) -> list[dict[str, object]]:
        """One flat dict per finished trial, in the order in which they finished: the rows of the trials table."""
        return [record(trial) for trial in self.trials()]

    def in_flight(self) -> list[InFlight]:
        """The proposals given out, by this process or an earlier one, and not finished; by number and rung."""
        if not self._in_flight.is_file():
            return []
        finished = {(trial.user_attrs["number"], rung_of(trial)) for trial in self.trials()}
        given_out = {}
        for line in self._in_flight.read_bytes().splitlines():
            with suppress(ValueError):  # half written when a process was killed: it was not given out yet
                entry = InFlight.from_json(line)
                given_out[entry.number, entry.rung] = entry
        return [given_out[key] for key in sorted(given_out) if key not in finished]

    def note_in_flight(self, proposal: InFlight) -> None:
        """Record a proposal before it is given out.

        Appended, but not flushed to the disk: it survives the end of the process. If a power failure loses it, the same
        candidate is proposed again.
        """
        with naming_errors(self._in_flight), self._in_flight.open("ab") as file:
            file.write(proposal.to_json())

    def tidy_in_flight(self) -> None:
        """Remove the proposals that have finished, and a line that was half written."""
        write_whole(self._in_flight, b"".join(proposal.to_json() for proposal in self.in_flight()))

    @contextmanager
    def _written(self) -> Iterator[None]:
        """Errors inside name the record. RunError where a database can't be written, as when its disk is full."""
        try:
            with naming_errors(Path(self.place)):
                yield
        except (SQLAlchemyError, StorageInternalError) as error:
            reason = str(error.__cause__ or error).splitlines()[0]
            raise RunError(
                f"search.storage can't be written to: {reason}. Remove the cause, then start the same "
                "command again: it goes on where it stopped."
            ) from error

    def _check_identity(self, identity: dict[str, Any]) -> None:
        recorded = self._study.user_attrs.get(IDENTITY)
        if recorded is None and not self.trials():
            self._study.set_user_attr(IDENTITY, identity)
        elif recorded != identity:
            differing = [key for key in identity if (recorded or {}).get(key) != identity[key]]
            raise RunError(
                f"{self.place} records a search with another {' and '.join(differing)}. "
                "Use the config that the run was started with, or another folder (--run-dir) and name."
            )

    def _name_objectives(self, objectives: list[str]) -> None:
        if self._study.metric_names != objectives:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ExperimentalWarning)
                self._study.set_metric_names(objectives)


def rung_of(trial: FrozenTrial) -> int:
    """The rung at which a trial was scored; 0 in the records of versions that had no rungs."""
    return int(trial.user_attrs.get("rung", 0))


def record(trial: FrozenTrial) -> dict[str, object]:
    """The row of a finished trial: bookkeeping, the candidate's knobs, figures, predictions, feasibility."""
    attributes = trial.user_attrs
    complete = trial.state == optuna.trial.TrialState.COMPLETE
    return {
        "number": attributes["number"],
        "id": attributes["id"],
        "state": "complete" if complete else "failed",
        "reason": attributes["reason"],
        "rung": rung_of(trial),
        **attributes["candidate"],
        **attributes["metrics"],
        **attributes["costs"],
        **prediction_columns(attributes.get(PREDICTED, {})),
        **{f"seconds_{part}": seconds for part, seconds in attributes["seconds"].items()},
        "feasible": complete and all(value <= 0 for value in trial.constraints.values()),
    }


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
