"""Progress of long work: bars on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from trainers.progress import Progress, figures_text

LINE_SECONDS = 10.0
"""The least time between two lines of a stage, so that the log of a long run stays readable."""


def terminal_progress(stream: TextIO) -> Progress:
    """Bars if `stream` is a terminal, else lines."""
    return BarProgress(Console(file=stream)) if stream.isatty() else LineProgress(stream)


class BarProgress:
    """One bar per stage, with the time left and the current figures. It stays on the screen after the stage."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def stage(self, name: str, total: int) -> Iterator["_Bar"]:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}"),
        )
        with Bars(*columns, console=self._console) as bars:
            yield _Bar(bars, bars.add_task(name, total=total, figures=""))

    def note(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False)


class _Bar:
    def __init__(self, bars: Bars, task: TaskID) -> None:
        self._bars = bars
        self._task = task
        self._figures: dict[str, float | str] = {}

    def advance(self, n: int = 1, **figures: float | str) -> None:
        self._figures |= figures
        self._bars.update(self._task, advance=n, figures=figures_text(self._figures))

    def resume(self, n: int, **figures: float | str) -> None:
        self._figures |= figures
        self._bars.update(self._task, completed=n, figures=figures_text(self._figures))


class LineProgress:
    """A line when a stage begins, at most one every ten seconds during it, and one with its duration at the end."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock

    @contextmanager
    def stage(self, name: str, total: int) -> Iterator["_Lines"]:
        lines = _Lines(name, total, self._stream, self._clock)
        lines.write(f"{name}: begins, {total} in all")
        yield lines
        lines.end()

    def note(self, text: str) -> None:
        self._stream.write(f"{text}\n")
        self._stream.flush()


class _Lines:
    def __init__(self, name: str, total: int, stream: TextIO, clock: Callable[[], float]) -> None:
        self._name = name
        self._total = total
        self._stream = stream
        self._clock = clock
        self._started = self._last_line = clock()
        self._done = 0
        self._first: tuple[float, int] | None = (
            None  # time of the first unit after the start or resume, and the count then
        )
        self._figures: dict[str, float | str] = {}

    def advance(self, n: int = 1, **figures: float | str) -> None:
        now = self._clock()
        self._done += n
        self._figures |= figures
        if self._first is None and n:
            self._first = (now, self._done)
        if now - self._last_line >= LINE_SECONDS and self._done < self._total:
            self._last_line = now
            self.write(
                f"{self._name}: {self._done} of {self._total}{self._time_left(now)}{self._figures_after_comma()}"
            )

    def resume(self, n: int, **figures: float | str) -> None:
        self._done = n
        self._figures |= figures
        if n:
            self.write(f"{self._name}: goes on after {n} of {self._total}")

    def end(self) -> None:
        spent = duration_text(self._clock() - self._started)
        self.write(f"{self._name}: {self._done} of {self._total} in {spent}{self._figures_after_comma()}")

    def write(self, line: str) -> None:
        self._stream.write(f"{line}\n")
        self._stream.flush()

    def _time_left(self, now: float) -> str:
        """Estimated from the second unit on: the first also pays for the start of workers and caches."""
        since, before = self._first or (now, self._done)
        if self._done == before:
            return ""
        return f", {duration_text((now - since) / (self._done - before) * (self._total - self._done))} left"

    def _figures_after_comma(self) -> str:
        return f", {figures_text(self._figures)}" if self._figures else ""


def duration_text(seconds: float) -> str:
    """Such as 0:07 or 1:02:30."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
