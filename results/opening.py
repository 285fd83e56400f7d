"""Opening a run's folder: read-only, at any time, wherever the folder lies."""

from __future__ import annotations

import os
from pathlib import Path

from results import layout
from results.columns import FLAGS, LEADING
from results.dictionary import described
from results.errors import RunError
from results.figures import USUAL_X, USUAL_Y
from results.parquet import read_parquet
from results.run import Run
from results.state import PLANNED, is_locked, state_of


def open_run(path: str | os.PathLike[str]) -> Run:
    """Open a run's folder. RunError when there is none, when it has no trials yet, or when its table is not one.

    Writes nothing, so that a folder may be read-only, copied or moved, and its search may be at work: the trials are
    then those of one moment. The run's own axes are bit_ops and map50 when its table was written before tables noted
    them.
    """
    folder = Path(path)
    if not folder.is_dir():
        what = "is a file, not a run folder" if folder.exists() else "does not exist"
        raise RunError(
            f"{folder} {what}. Start a run with `bitfront search CONFIG --run-dir {folder}`, or name another."
        )
    table = folder / layout.TRIALS
    if not table.is_file():
        raise RunError(_why_no_table(folder))
    locked = is_locked(folder)  # first: a search that ends now is then not taken for one that was stopped
    try:
        trials, notes = read_parquet(table)
    except RunError as error:
        raise RunError(f"{error}. {_write_again(folder)}") from error
    missing = [name for name in (*LEADING, *FLAGS) if name not in trials.columns and name != "rung"]
    if missing:
        raise RunError(f"{table} is no trials table: it lacks {', '.join(missing)}. Run `bitfront search` again.")
    if "rung" not in trials.columns:  # a table of before, when there was one rung
        trials.insert(LEADING.index("rung"), "rung", 0)
    return Run(
        folder,
        described(trials, "trials"),
        x=notes.get("x", USUAL_X),
        y=notes.get("y", USUAL_Y),
        state=state_of(notes, locked),
        planned=int(notes[PLANNED]) if PLANNED in notes else None,
    )


def _why_no_table(folder: Path) -> str:
    trained = folder / layout.TRAINED
    if trained.is_dir():
        return (
            f"{folder} has no {layout.TRIALS}: `bitfront train` made it, without a search. What was trained lies in "
            f"{trained}, each with its figures.json. For a search give another --run-dir."
        )
    if not (folder / layout.CONFIG).is_file():
        return f"{folder} holds no run: there is no {layout.CONFIG} in it. Start one with: bitfront search CONFIG."
    if is_locked(folder):
        return f"{folder} has no {layout.TRIALS} yet: its search is running. It appears with the first trials."
    journal = folder / layout.JOURNAL
    if journal.is_file() and journal.stat().st_size:
        return f"{folder} has a record of trials, but no {layout.TRIALS}. {_write_again(folder)}"
    return f"{folder} has no {layout.TRIALS} yet: its search has scored nothing. {_go_on(folder)}"


def _write_again(folder: Path) -> str:
    return f"The search makes its tables from its record again when it goes on. {_go_on(folder)}"


def _go_on(folder: Path) -> str:
    return f"Go on with it by: bitfront search {folder / layout.CONFIG} --run-dir {folder}"
