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
    one that the run's first candidates were scored with.
    """
    kept, scored = _copy_in(run_dir), _has_scored(run_dir)
    if file is None:
        return kept if scored else None
    if kept is not None and not Path(file).is_file():
        return kept
    given = read_table(Path(file), KEY)
    if scored and kept is not None and given != kept:
        raise RunError(
            f"{run_dir} was begun with another table of times than {KEY}, {file}, is now. Bring that one back "
            f"(the run has a copy, {layout.LATENCY_TABLE}), or give another --run-dir."
        )
    return given


def read_table(file: Path, named: str) -> LatencyTable:
    """The table in a file. named: who named it. Raises ConfigError for a file that isn't there or no such table."""
    if not file.is_file():
        raise ConfigError(f"{named} is {file}, which isn't there. {REMEASURE}")
    try:
        return LatencyTable.from_text(file.read_text("utf-8"))
    except (LatencyError, UnicodeDecodeError) as error:
        raise ConfigError(f"{named} is {file}. {error}") from error


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
    file = None if run_dir is None else run_dir / layout.LATENCY_TABLE
    return read_table(file, KEY) if file is not None and file.is_file() else None


def _has_scored(run_dir: Path | None) -> bool:
    """Whether a search has begun to score; before, it may take another table."""
    begun = (layout.JOURNAL, layout.IN_FLIGHT, layout.TRIALS)
    return run_dir is not None and any((run_dir / name).is_file() for name in begun)
