"""The interface through which long work reports its progress, without knowing who displays it."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Stage(Protocol):
    """One piece of long work, such as the training of a teacher."""

    def advance(self, n: int = 1, **figures: float | str) -> None:
        """`n` more units are done; `figures` are the latest numbers, such as loss=0.31."""

    def resume(self, n: int, **figures: float | str) -> None:
        """`n` units were done before a restart: they don't count towards the speed of this run."""


class Progress(Protocol):
    """Something that shows stages: a progress bar, lines in a log, nothing."""

    def stage(self, name: str, total: int, at_once: int = 1) -> AbstractContextManager[Stage]:
        """Open a stage of `total` units, of which `at_once` are worked on at the same time."""

    def note(self, text: str) -> None:
        """Report a message that belongs to no stage, such as how many images were left out."""


class SilentProgress:
    """Shows nothing: for workers and tests."""

    @contextmanager
    def stage(self, name: str, total: int, at_once: int = 1) -> Iterator[Stage]:
        yield _SilentStage()

    def note(self, text: str) -> None:
        return None


class _SilentStage:
    def advance(self, n: int = 1, **figures: float | str) -> None:
        return None

    def resume(self, n: int, **figures: float | str) -> None:
        return None


def figures_text(figures: Mapping[str, float | str]) -> str:
    """Such as 'map50 0.6123, best 0.7, failed 2'."""
    return ", ".join(
        f"{name} {value}" if isinstance(value, str | int) else f"{name} {value:.4g}" for name, value in figures.items()
    )
