"""A progress for tests."""

from collections.abc import Iterator
from contextlib import contextmanager

from trainers.progress import Event


class RecordedProgress:
    """A progress that remembers its events in order, and may interrupt the work.

    events: ("stage", name, total), ("resume", units, figures), ("advance", units, figures) and ("note", text).
    records: what happened once (`trainers.progress.Event`), in order.
    stop_after: raise KeyboardInterrupt once so many units are done.
    """

    def __init__(self, stop_after: int | None = None) -> None:
        self.events: list[tuple] = []
        self.records: list[Event] = []
        self.stop_after = stop_after

    @contextmanager
    def stage(self, name: str, total: int, at_once: int = 1) -> Iterator["RecordedProgress"]:
        self.events.append(("stage", name, total))
        yield self

    def resume(self, n: int, **figures: float | str) -> None:
        self._count("resume", n, figures)

    def advance(self, n: int = 1, **figures: float | str) -> None:
        self._count("advance", n, figures)

    def note(self, text: str) -> None:
        self.events.append(("note", text))

    def record(self, event: Event) -> None:
        self.records.append(event)

    @property
    def stages(self) -> list[tuple[str, int]]:
        """The name and the total of each stage."""
        return [event[1:] for event in self.events if event[0] == "stage"]

    @property
    def notes(self) -> list[str]:
        return [event[1] for event in self.events if event[0] == "note"]

    def _count(self, kind: str, n: int, figures: dict[str, float | str]) -> None:
        self.events.append((kind, n, figures))
        done = sum(event[1] for event in self.events if event[0] in ("resume", "advance"))
        if done == self.stop_after:
            raise KeyboardInterrupt
