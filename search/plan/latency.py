"""The table of times that a search takes `latency_ms` from: a file of the user's, of which the run keeps a copy."""

from pathlib import Path

from results import layout
from search.config import ConfigError
from search.errors import RunError
from search.plan.space import Choices
from spaces.cost_table import CostTable
from spaces.detectors import DetectorSpec
from spaces.latency import REMEASURE, LatencyError, LatencyTable
from spaces.space import SearchSpace
from trainers.whole_files import write_whole

KEY = "search.latency_table"


def latency_table(file: str | None, run_dir: Path | None) -> LatencyTable | None:
    """The table of `search.latency_table`, or the copy in the run's folder; None where there is neither.

    A run goes on without the file. Raises ConfigError for a file that is no such table, RunError where it isn't the
    one that the run began with.
    """
    kept = _copy_in(run_dir)
    given = _read(Path(file)) if file is not None and (kept is None or Path(file).is_file()) else None
    if kept is None or given is None:
        return kept or given
    if given != kept:
        raise RunError(
            f"{run_dir} was begun with another table of times than {KEY}, {file}, is now. Bring that one back "
            f"(the run has a copy, {layout.LATENCY_TABLE}), or give another --run-dir."
        )
    return kept


def cost_table(spec: DetectorSpec, space: SearchSpace | Choices, latency: LatencyTable | None) -> CostTable:
    """The costs of a space, with times where there is a table. Raises ConfigError for one that doesn't fit."""
    try:
        return CostTable.of(spec, space, latency)
    except ValueError as error:
        if latency is None:
            raise
        raise ConfigError(f"{KEY} doesn't fit this search: {error}") from error


def keep_latency_table(run_dir: Path, table: LatencyTable | None) -> None:
    """Put a copy into the run's folder, which `latency_table` finds there."""
    if table is not None:
        write_whole(run_dir / layout.LATENCY_TABLE, table.text().encode())


def _copy_in(run_dir: Path | None) -> LatencyTable | None:
    """That of a run in which something was scored; one that was refused before may begin with another."""
    begun = (layout.JOURNAL, layout.IN_FLIGHT, layout.TRIALS)
    if run_dir is None or not any((run_dir / name).is_file() for name in begun):
        return None
    file = run_dir / layout.LATENCY_TABLE
    return _read(file) if file.is_file() else None


def _read(file: Path) -> LatencyTable:
    if not file.is_file():
        raise ConfigError(f"{KEY} is {file}, which isn't there. {REMEASURE}")
    try:
        return LatencyTable.from_text(file.read_text("utf-8"))
    except (LatencyError, UnicodeDecodeError) as error:
        raise ConfigError(f"{KEY} is {file}. {error}") from error
