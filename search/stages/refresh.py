"""The tables of a search that is at work: written again every few seconds, so that its front can be looked at."""

import time
from collections.abc import Callable
from pathlib import Path

from results import layout

Row = dict[str, object]

LEAST_SECONDS = 3.0
"""The least time between two refreshes."""
MOST_SHARE = 0.02
"""Refreshes take no more than this share of the time: the longer the last one took, the later comes the next."""


class TableRefresh:
    """Writes the tables of the trials so far, at the start and then as trials finish.

    A refresh that fails, as on a full disk, is noted once and tried again: nothing is lost, since tables are made from
    the journal, and the last write, after the search, raises its error.
    """

    def __init__(
        self,
        write: Callable[[list[Row]], None],
        rows: list[Row],
        note: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write, self._rows, self._note, self._clock = write, rows, note, clock
        self._failed = self._behind = False
        self._next = clock()
        self.write()

    def add(self, rows: list[Row]) -> None:
        """Take in what has finished, often nothing, and write the tables if they lack a trial and it is time."""
        self._rows += rows
        self._behind = self._behind or bool(rows)
        if self._behind and self._clock() >= self._next:
            self.write()

    def write(self) -> None:
        """Write the tables now, if there are trials."""
        if not self._rows:
            return
        began = self._clock()
        try:
            self._write(self._rows)
            self._behind = False
        except OSError as error:
            if not self._failed:
                self._note(f"search: {layout.TRIALS} is not up to date ({error}). The search goes on.")
            self._failed = True
        now = self._clock()
        self._next = now + max(LEAST_SECONDS, (now - began) / MOST_SHARE)


def remove_unfinished_tables(folder: Path) -> None:
    """Remove what a process that was killed at a refresh left beside the tables. Hold the run's lock."""
    for name in (layout.TRIALS, layout.FRONT):
        for part in folder.glob(f".{name}.*.part"):
            part.unlink(missing_ok=True)
