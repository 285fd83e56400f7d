"""A run's record of its trainings: a line for each epoch, beside whatever shows the progress."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trainers.progress import Event, Progress, Stage
from trainers.whole_files import naming_errors, write_whole


class LoggedProgress:
    """Passes everything on, and appends each epoch's figures to a file of JSON lines.

    A line is `{"stage": "supernet", "epoch": 3, "of": 24, "loss": 6.41, "cls": 4.2, "box": 2.21, "flipped": 0.031}`:
    the weighted losses as means over the epoch's steps (of a supernet also over those whose candidate lacks the term),
    their sum first; `flipped` is the share of searched signs that differ from where the stage began, and
    `discriminator_accuracy`, with adversarial terms, the share of places that discriminators got right. Where a
    training goes on, or begins again, its lines about epochs that it does again are taken out: each stands once. A
    candidate's trainings of other settings go by the places of their results, `train <id>` and `train <id>.2`.
    """

    def __init__(self, display: Progress, file: Path) -> None:
        self._display, self._file = display, file

    @contextmanager
    def stage(self, name: str, total: int, at_once: int = 1) -> Iterator[Stage]:
        with self._display.stage(name, total, at_once) as stage:
            yield _LoggedStage(stage, self._file, name, total)

    def note(self, text: str) -> None:
        self._display.note(text)

    def record(self, event: Event) -> None:
        self._display.record(event)


class _LoggedStage:
    def __init__(self, display: Stage, file: Path, name: str, total: int) -> None:
        self._display, self._file, self._name, self._total = display, file, name, total
        self._done = 0

    def advance(self, n: int = 1, **figures: float | str) -> None:
        self._done += n
        if "loss" in figures:  # an epoch; trials have a record of their own
            line = {"stage": self._name, "epoch": self._done, "of": self._total, **figures}
            with naming_errors(self._file), self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        self._display.advance(n, **figures)

    def resume(self, n: int, **figures: float | str) -> None:
        self._done = n
        if self._file.is_file():
            lines = self._file.read_text(encoding="utf-8").splitlines(keepends=True)
            kept = [line for line in lines if line.endswith("\n") and not self._is_ahead(line)]
            if kept != lines:
                write_whole(self._file, "".join(kept).encode())
        self._display.resume(n, **figures)

    def _is_ahead(self, line: str) -> bool:
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            return False  # somebody else's: a log must not stop a training
        return isinstance(entry, dict) and entry.get("stage") == self._name and entry.get("epoch", 0) > self._done
