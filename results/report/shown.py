"""The retrained detectors that a page shows one by one: the same in each section, and in what is kept for it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from results.report.candidate_roles import roles_of, trained_alike
from results.report.text import shortened
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
            "its cheap end; of each candidate one training, where it can be as most were trained, with its first seed."
        ]


def shown_detectors(run: Run) -> Choice:
    """One training of each candidate, at most `MOST`. RunError for a damaged file of figures.

    Like is shown beside like: where a candidate has it, the training that most candidates have, in epochs, start and
    settings; the name of another one says how it was trained.
    """
    frame = run.retrained()
    roles, usual = roles_of(run, frame), _is_usual(frame)
    rows = frame.assign(usual=usual).sort_values(["usual", "epochs"], ascending=False, kind="stable")
    chosen = sorted(rows.drop_duplicates("id").to_dict("records"), key=lambda one: roles.place(one["id"]))
    shown = tuple(
        Shown(roles.name(one["id"]) + ("" if one["usual"] else _otherwise(one)), Path(one["path"]))
        for one in chosen[:MOST]
    )
    return Choice(shown, len(frame))


def _otherwise(row: dict[Hashable, Any]) -> str:
    known = [shortened(row["start"], 12)] if pd.notna(row["start"]) else []
    known += [f"{row['epochs']} epochs"] if pd.notna(row["epochs"]) else []
    return ", " + (" ".join(known) or "trained otherwise")


def _is_usual(frame: pd.DataFrame) -> pd.Series:
    """Whether each training is one of those that most candidates have; of equally many the longest."""
    kinds = trained_alike(frame)
    ranks = [(rows["id"].nunique(), rows["epochs"].fillna(0).iloc[0], kind) for kind, rows in frame.groupby(kinds)]
    return kinds.eq(max(ranks)[-1]) if ranks else kinds.astype(bool)
