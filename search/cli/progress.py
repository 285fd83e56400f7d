"""Progress of long work: bars on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Column
from rich.text import Text

from search.cli.time_left import TimeLeft
from trainers.progress import Event, Progress, figures_text

LINE_SECONDS = 10.0
"""The least time between two lines of a stage, so that the log of a long run stays readable."""
BAR_WIDTH = 16
"""In columns: the figures need the room."""


def terminal_progress(stream: TextIO | None = None) -> Progress:
    """Bars if `stream` is a terminal, else lines; it is stderr where it is None."""
    stream = stream or sys.stderr
    return BarProgress(Console(file=stream)) if stream.isatty() else LineProgress(stream)


class BarProgress:
    """One bar per stage, with the time left and the current figures. It stays on the screen after the stage."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock

    @contextmanager
    def stage(self, name: str, total: int, at_once: int = 1) -> Iterator["_Bar"]:
        time_left = TimeLeft(total, at_once, self._clock)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(BAR_WIDTH),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            _TimeLeftColumn(time_left),
            TextColumn("{task.fields[figures]}", table_column=Column(overflow="fold")),
        )
        with Bars(*columns, console=self._console) as bars:
            yield _Bar(bars, bars.add_task(name, total=total, figures=""), time_left)

    def note(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False)

    def record(self, event: Event) -> None:
        """Nothing: stages and notes show what people should read."""


class _TimeLeftColumn(ProgressColumn):
    """In place of rich's own, which forgets what is older than 30 seconds: it never knows the speed of longer units."""

    def __init__(self, time_left: TimeLeft) -> None:
        super().__init__()
        self._time_left = time_left

    def render(self, task: Task) -> Text:
        seconds = self._time_left.seconds()
        return Text("" if seconds is None else f"{duration_text(seconds)} left", style="progress.remaining")


class _Bar:
    def __init__(self, bars: Bars, task: TaskID, time_left: TimeLeft) -> None:
        self._bars = bars
        self._task = task
        self._time_left = time_left
        self._figures: dict[str, float | str] = {}

    def advance(self, n: int = 1, **figures: float | str) -> None:
        self._figures |= figures
        self._time_left.advance(n)
        self._bars.update(self._task, advance=n, figures=figures_text(self._figures))

    def resume(self, n: int, **figures: float | str) -> None:
        self._figures |= figures
        self._time_left.resume(n)
        self._bars.update(self._task, completed=n, figures=figures_text(self._figures))


class LineProgress:
    """A line when a stage begins, at most one every ten seconds during it, and one with its duration at the end."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock

    @contextmanager
    def stage(self, name: str, total: int, at_once: int = 1) -> Iterator["_Lines"]:
        lines = _Lines(name, total, self._stream, self._clock, TimeLeft(total, at_once, self._clock))
        lines.write(f"{name}: begins, {total} in all")
        yield lines
        lines.end()

    def note(self, text: str) -> None:
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def record(self, event: Event) -> None:
        """Nothing: stages and notes show what people should read."""


class _Lines:
    def __init__(self, name: str, total: int, stream: TextIO, clock: Callable[[], float], time_left: TimeLeft) -> None:
        self._name = name
        self._total = total
        self._stream = stream
        self._clock = clock
        self._started = self._last_line = clock()
        self._done = 0
        self._time_left = time_left
        self._figures: dict[str, float | str] = {}

    def advance(self, n: int = 1, **figures: float | str) -> None:
        now = self._clock()
        self._done += n
        self._figures |= figures
        self._time_left.advance(n)
        is_last = n > 0 and self._done >= self._total  # then the closing line says it
        if now - self._last_line >= LINE_SECONDS and not is_last:
            self._last_line = now
            left = self._time_left.seconds()
            text = "" if left is None else f", {duration_text(left)} left"
            self.write(f"{self._name}: {self._done} of {self._total}{text}{self._figures_after_comma()}")

    def resume(self, n: int, **figures: float | str) -> None:
        self._done = n
        self._time_left.resume(n)
        self._figures |= figures
        if n:
            self.write(f"{self._name}: goes on after {n} of {self._total}")

    def end(self) -> None:
        spent = duration_text(self._clock() - self._started)
        self.write(f"{self._name}: {self._done} of {self._total} in {spent}{self._figures_after_comma()}")

    def write(self, line: str) -> None:
        self._stream.write(f"{line}\n")
        self._stream.flush()

    def _figures_after_comma(self) -> str:
        return f", {figures_text(self._figures)}" if self._figures else ""


def duration_text(seconds: float) -> str:
    """Short, since the figures need the room: 7 s, 1 min 5 s, 28 min, 2.5 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{round(whole / 60)} min" if whole < 3570 else f"{whole / 3600:.1f} h"
