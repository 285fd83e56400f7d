"""What retrained candidates are in their run, such as its knee, and the order in which a page shows them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from results import layout
from results.errors import RunError
from results.report.text import shortened
from results.run import Run

LAYER, REAL = "layer/", "real"


@dataclass(frozen=True)
class Roles:
    """knee: its id; None where there is none. real: ids of those whose layers are all real. front: ids by cost."""

    knee: str | None
    real: frozenset[str]
    front: tuple[str, ...]

    def name(self, candidate_id: str) -> str:
        """The id with what the candidate is, such as "ab12 (knee)"."""
        known = {"knee": candidate_id == self.knee, "all real": candidate_id in self.real}
        said = ", ".join(name for name, holds in known.items() if holds)
        return f"{shortened(candidate_id, 40)} ({said})" if said else shortened(candidate_id, 40)

    def place(self, candidate_id: str) -> int:
        """The knee, the all-real ones, then the front from its cheap end, then the others."""
        if candidate_id == self.knee:
            return 0
        if candidate_id in self.real:
            return 1
        return 2 + (self.front.index(candidate_id) if candidate_id in self.front else len(self.front))


def roles_of(run: Run, retrained: pd.DataFrame) -> Roles:
    """The roles of these retrained candidates, rows of `run.retrained()`. RunError for a damaged file of figures."""
    first = retrained.drop_duplicates("id")
    real = {str(row["id"]) for _, row in first.iterrows() if _is_real(_choices(run, str(row["id"]), Path(row["path"])))}
    try:
        front = tuple(run.front()["id"])
    except RunError:
        return Roles(None, frozenset(real), ())
    try:
        return Roles(run.knee(), frozenset(real), front)
    except RunError:  # a front over a cost of zero has none
        return Roles(None, frozenset(real), front)


def alike(retrained: pd.DataFrame) -> pd.Series:
    """A number for each row of `run.retrained()`, int (N,): equal where trainings differ in nothing but their seeds."""
    return _equal(retrained, "id")


def trained_alike(retrained: pd.DataFrame) -> pd.Series:
    """The same, equal where trainings differ in nothing but their candidates and their seeds."""
    return _equal(retrained)


def _equal(retrained: pd.DataFrame, *others: str) -> pd.Series:
    settings = [name for name in retrained.columns if name.startswith("setting_")]
    said = retrained[[*others, "epochs", "start", *settings]].astype(object)
    return said.where(said.notna(), "-").astype(str).groupby(list(said.columns), sort=False).ngroup()


def _choices(run: Run, candidate_id: str, place: Path) -> Mapping[str, Any]:
    """A result says what it is; one of an early version is found among the trials."""
    kept = json.loads((place / layout.RESULT_FIGURES).read_text("utf-8")).get("candidate")
    if isinstance(kept, dict):
        return kept
    return run.candidate(candidate_id) if candidate_id in set(run.trials["id"]) else {}


def _is_real(choices: Mapping[str, Any]) -> bool:
    layers = [value for name, value in choices.items() if name.startswith(LAYER)]
    return bool(layers) and all(value == REAL for value in layers)
