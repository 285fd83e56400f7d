"""The retrained detectors that a page shows one by one: the same in each section, and in what is kept for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from results.report.candidate_roles import roles_of
from results.run import Run

MOST = 7
"""As many as a figure has colours."""


@dataclass(frozen=True)
class Shown:
    """A detector of the page. name: for readers. place: its folder."""

    name: str
    place: Path

    @property
    def key(self) -> str:
        """The name under which its detections are kept, which stays when another candidate becomes the knee."""
        return f"retrained {self.place.name}"


@dataclass(frozen=True)
class Choice:
    """The detectors that are shown, and how many there are."""

    shown: tuple[Shown, ...]
    trained: int

    def remarks(self, count: int) -> list[str]:
        """One line where a section shows fewer of them, `count`, than there are."""
        if count >= self.trained:
            return []
        return [
            f"{count} of {self.trained} retrained detectors are shown: the knee, the all-real one, then the front from "
            "its cheap end; of each candidate one training, the longest, and of its seeds the first."
        ]


def shown_detectors(run: Run) -> Choice:
    """One training of each candidate, at most `MOST`. RunError for a damaged file of figures."""
    frame = run.retrained()
    roles = roles_of(run, frame)
    longest = frame.sort_values("epochs", ascending=False, kind="stable").drop_duplicates("id").sort_index()
    chosen = sorted(zip(longest["id"], longest["path"], strict=True), key=lambda one: roles.place(one[0]))
    return Choice(tuple(Shown(roles.name(own), Path(path)) for own, path in chosen[:MOST]), len(frame))
