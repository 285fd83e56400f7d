"""The durable record of a search: an Optuna study that gets one append per finished trial, and what is in flight."""

import copy
import datetime
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

import optuna
from optuna.trial import FrozenTrial

from results import layout
from search.controller.database import open_database, until_answered
from search.controller.database_url import masked
from search.controller.journal_repair import open_journal_file
from search.controller.structured.predictions import PREDICTED, prediction_columns
from search.controller.study import open_study
from search.errors import RunError
from spaces.candidate import Value
from spaces.space import SearchSpace
from trainers.whole_files import naming_errors, write_whole

T = TypeVar("T")

LISTED = "constraints"
"""The system attribute in which Optuna before version 5, and dashboards still, look for all constraints of a trial."""


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
    it was proposed and finished. What such a program adds, as notes, is left alone. Trials are numbered in the order in
    which they finished; their user attributes `number` and `rung` are those of the proposal.
    Opening it repairs what a killed process left (`journal_repair`). If a database doesn't answer, we wait for it, and
    `note` says so. Raises RunError when the record is damaged or gone, or belongs to another search space or other
    objectives, and when a database can't be opened or stays away.
    """

    def __init__(
        self,
        run_dir: Path,
        *,
        name: str,
        space: SearchSpace,
        objectives: Sequence[str],
        storage: str | None = None,
        note: Callable[[str], None] | None = None,
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        run_dir.mkdir(parents=True, exist_ok=True)
        self.place = masked(storage) if storage else str(run_dir / layout.JOURNAL)
        self._in_flight = run_dir / layout.IN_FLIGHT
        self._note = note or (lambda text: None)
        opened = open_database(storage) if storage else open_journal_file(run_dir / layout.JOURNAL)
        begun = (run_dir / layout.TRIALS).exists() or bool(self._in_flight_bytes())
        self._study = self._persistently(
            lambda again: open_study(opened, self.place, name, space, objectives, begun=begun)
        )
        self._trials = self._persistently(lambda again: self._stored())

    def append(self, trial: FrozenTrial) -> None:
        """Add a finished trial for good: when this returns, it is on the disk. It must not change from then on."""
        written = _with_list(trial)

        def add(again: bool) -> None:
            if not (again and _key(trial) in map(_key, self._stored())):
                self._study.add_trial(written)

        self._persistently(add)
        self._trials.append(trial)

    def trials(self) -> list[FrozenTrial]:
        """All finished trials in the order in which they finished."""
        return list(self._trials)

    def records(self) -> list[dict[str, object]]:
        """One flat dict per finished trial, in the order in which they finished: the rows of the trials table."""
        return [record(trial) for trial in self._trials]

    def in_flight(self) -> list[InFlight]:
        """The proposals given out, by this process or an earlier one, and not finished; by number and rung."""
        finished = set(map(_key, self._trials))
        given_out = {}
        for line in self._in_flight_bytes().splitlines():
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

    def _in_flight_bytes(self) -> bytes:
        return self._in_flight.read_bytes() if self._in_flight.is_file() else b""

    def _persistently(self, attempt: Callable[[bool], T]) -> T:
        """What `attempt` returns, however long a database takes to answer. Errors name the record."""
        try:
            with naming_errors(Path(self.place)):
                return until_answered(attempt, self._note)
        except KeyError as error:
            raise RunError(
                f"Another program has deleted the run's study in {self.place}. In a journal.log one line did that: the "
                "next start names it. A database needs its backup. Or start again in another folder (--run-dir)."
            ) from error

    def _stored(self) -> list[FrozenTrial]:
        """The trials that we wrote. Should one stand there twice, after a lost connection, the first counts."""
        first: dict[tuple[int, int], FrozenTrial] = {}
        for trial in self._study.get_trials(deepcopy=False):
            if "number" in trial.user_attrs:
                first.setdefault(_key(trial), _without_list(trial))
        return list(first.values())


def rung_of(trial: FrozenTrial) -> int:
    """The rung at which a trial was scored; 0 in the records of versions that had no rungs."""
    return int(trial.user_attrs.get("rung", 0))


def record(trial: FrozenTrial) -> dict[str, object]:
    """The row of a finished trial: bookkeeping, the candidate's knobs, figures, predictions, times, feasibility."""
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
        "started": _in_utc(trial.datetime_start),
        "completed": _in_utc(trial.datetime_complete),
        "feasible": complete and all(value <= 0 for value in trial.constraints.values()),
    }


def _in_utc(local: datetime.datetime | None) -> datetime.datetime | None:
    """Optuna's times are this machine's without a time zone, as its dashboard wants them."""
    return None if local is None else local.astimezone(datetime.UTC)


def _key(trial: FrozenTrial) -> tuple[int, int]:
    """What no two trials of a run share: number and rung."""
    return trial.user_attrs["number"], rung_of(trial)


def _with_list(trial: FrozenTrial) -> FrozenTrial:
    """A copy whose constraints stand in a list too, so that a dashboard sees which trials are feasible."""
    shown = copy.copy(trial)
    if trial.constraints:
        shown.system_attrs = {**trial.system_attrs, LISTED: list(trial.constraints.values())}
    return shown


def _without_list(trial: FrozenTrial) -> FrozenTrial:
    """The trial as it was appended: to a sampler, the list would be more constraints."""
    if LISTED not in trial.system_attrs:
        return trial
    appended = copy.copy(trial)
    appended.system_attrs = {key: value for key, value in trial.system_attrs.items() if key != LISTED}
    return appended
