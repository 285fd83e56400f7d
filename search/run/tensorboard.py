"""A run's trainings in TensorBoard: the losses of each epoch, and at the end the figures on images."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from results import layout
from search.run.event_files import EventFolder, Point
from trainers.progress import Event, Progress, Stage

FIGURES = {
    "teacher": ("val/", f"{layout.TEACHERS}/{{}}.json", None),
    "retrain": ("test/", f"{layout.RETRAINED}/{{}}/{layout.RESULT_FIGURES}", "test"),
    "train": ("test/", f"{layout.TRAINED}/{{}}/{layout.RESULT_FIGURES}", "test"),
}
"""By the first word of a stage: how the tags of its figures begin, the file that has them, and their key in it."""


class ScalarsProgress:
    """Passes everything on, and writes each epoch's figures into `tensorboard/<stage>/` of the run.

    The training log, which `log` writes (`LoggedProgress`), is the record. At each stage the event files are made to
    agree with it: they lack epochs if TensorBoard was off, and have too many if a training resumes from an earlier one.
    """

    def __init__(self, log: Progress, run: Path) -> None:
        self._log, self._run = log, run

    @contextmanager
    def stage(self, name: str, total: int, at_once: int = 1) -> Iterator[Stage]:
        self.write_missing()
        with self._log.stage(name, total, at_once) as stage:
            yield _ScalarsStage(stage, self, event_folder(self._run, name))

    def note(self, text: str) -> None:
        self._log.note(text)

    def record(self, event: Event) -> None:
        self._log.record(event)

    def write_missing(self) -> None:
        """Make the event files agree with the run's record."""
        for stage, points in recorded(self._run).items():
            event_folder(self._run, stage).hold(points)


class _ScalarsStage:
    def __init__(self, log: Stage, scalars: ScalarsProgress, folder: EventFolder) -> None:
        self._log, self._scalars, self._folder = log, scalars, folder
        self._done = 0

    def advance(self, n: int = 1, **figures: float | str) -> None:
        self._done += n
        self._log.advance(n, **figures)
        if "loss" in figures:  # an epoch, as in the log
            self._folder.append(self._done, _numbers(figures))

    def resume(self, n: int, **figures: float | str) -> None:
        self._done = n
        self._log.resume(n, **figures)
        self._scalars.write_missing()


def event_folder(run: Path, stage: str) -> EventFolder:
    """Where a stage's events lie: `teacher twin` in `tensorboard/teacher_twin`, its part `..., inputs` below that."""
    return EventFolder(run / layout.TENSORBOARD / stage.replace(", ", "/").replace(" ", "_"))


def recorded(run: Path) -> dict[str, list[Point]]:
    """The scalars of each training of a run by its stage, from the training log and the files of figures."""
    log = run / layout.TRAINING_LOG
    stages: dict[str, list[Point]] = {}
    for line in log.read_text(encoding="utf-8").splitlines() if log.is_file() else ():
        entry = _mapping(line)
        if {"stage", "epoch", "of"} <= entry.keys():
            stage, epoch, epochs = (entry.pop(key) for key in ("stage", "epoch", "of"))
            ended = _figures(run, stage) if epoch == epochs or "ended" in entry else {}
            stages.setdefault(stage, []).append((epoch, _numbers(entry) | ended))
    return stages


def _figures(run: Path, stage: str) -> dict[str, float]:
    kind, _, name = stage.partition(" ")
    if kind not in FIGURES:
        return {}
    begin, file, key = FIGURES[kind]
    with suppress(OSError):  # not measured yet
        found = _mapping((run / file.format(name)).read_text(encoding="utf-8"))
        return {f"{begin}{name}": value for name, value in _numbers(found if key is None else found[key]).items()}
    return {}


def _mapping(text: str) -> dict[str, Any]:
    """A JSON object; none where the text is something else, which must not stop a training."""
    with suppress(ValueError):
        entry = json.loads(text)
        if isinstance(entry, dict):
            return entry
    return {}


def _numbers(figures: dict[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in figures.items() if isinstance(value, int | float)}
