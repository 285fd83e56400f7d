"""The interface through which long work reports its progress, without knowing who displays or records it."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


class Stage(Protocol):
    """One piece of long work, such as the training of a teacher."""

    def advance(self, n: int = 1, **figures: float | str) -> None:
        """`n` more units are done; `figures` are the latest numbers, such as loss=0.31."""

    def resume(self, n: int, **figures: float | str) -> None:
        """`n` units were done before a restart: they don't count towards the speed of this run."""


@dataclass(frozen=True)
class RunStarted:
    """A run begins or goes on. folder: the run's. config: all keys, as config.yaml has them, without passwords."""

    folder: Path
    config: Mapping[str, Any]


@dataclass(frozen=True)
class TrialEnded:
    """A trial of a search ended. row: what `trials.parquet` has of it; its `state` is complete or failed."""

    row: Mapping[str, object]


@dataclass(frozen=True)
class DetectorMeasured:
    """A trained detector was measured, or its figures were read that were measured before.

    stage: that of its training, such as "teacher twin" or "retrain c4e0e2f402". images: the image set. figures: average
    precisions in 0..1. costs: of a candidate what it costs. file: the detector's.
    """

    stage: str
    images: str
    figures: Mapping[str, float]
    file: Path
    costs: Mapping[str, float] = field(default_factory=dict)


Event = RunStarted | TrialEnded | DetectorMeasured
"""What happens once and is worth recording. Later versions may have more kinds: pass over what you don't know."""


class Progress(Protocol):
    """Something that shows or records stages and events: a progress bar, lines in a log, an experiment tracker.

    All calls come from the thread that runs the work. An error that one of them raises ends the work, as Ctrl-C does.
    """

    def stage(self, name: str, total: int, at_once: int = 1) -> AbstractContextManager[Stage]:
        """Open a stage of `total` units, of which `at_once` are worked on at the same time."""

    def note(self, text: str) -> None:
        """Report a message that belongs to no stage, such as how many images were left out."""

    def record(self, event: Event) -> None:
        """Report an event with all its figures, for records; what people should read comes as a note too."""


class SilentProgress:
    """Shows nothing: for workers and tests."""

    @contextmanager
    def stage(self, name: str, total: int, at_once: int = 1) -> Iterator[Stage]:
        yield _SilentStage()

    def note(self, text: str) -> None:
        return None

    def record(self, event: Event) -> None:
        return None


class _SilentStage:
    def advance(self, n: int = 1, **figures: float | str) -> None:
        return None

    def resume(self, n: int, **figures: float | str) -> None:
        return None


def combined_progress(*parts: Progress) -> Progress:
    """A progress that passes everything on to each of `parts`, in their order: bars and a tracker at once."""
    return _Combined(parts)


@dataclass(frozen=True)
class _Combined:
    parts: tuple[Progress, ...]

    @contextmanager
    def stage(self, name: str, total: int, at_once: int = 1) -> Iterator[Stage]:
        with ExitStack() as opened:
            yield _CombinedStage([opened.enter_context(one.stage(name, total, at_once)) for one in self.parts])

    def note(self, text: str) -> None:
        for one in self.parts:
            one.note(text)

    def record(self, event: Event) -> None:
        for one in self.parts:
            one.record(event)


@dataclass(frozen=True)
class _CombinedStage:
    parts: list[Stage]

    def advance(self, n: int = 1, **figures: float | str) -> None:
        for one in self.parts:
            one.advance(n, **figures)

    def resume(self, n: int, **figures: float | str) -> None:
        for one in self.parts:
            one.resume(n, **figures)


def figures_text(figures: Mapping[str, float | str]) -> str:
    """Such as 'map50 0.6123, best 0.7, failed 2'."""
    return ", ".join(
        f"{name} {value}" if isinstance(value, str | int) else f"{name} {value:.4g}" for name, value in figures.items()
    )
