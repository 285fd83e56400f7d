"""The members of a front against hand-made networks, trained alike: what `bitfront compare RUN --rivals` wrote."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from results import layout
from results.agreement import ROLE, TRAINED
from results.dictionary import described
from results.errors import RunError
from results.figures import TRAINED_SEED
from results.files import write_whole
from results.parquet import read_parquet, to_parquet
from results.statistics import paired_interval

MEMBER, RIVAL = "member", "rival"
AHEAD_POINTS = 3.0
"""So far above every rival of equal or higher cost a member has a place of its own."""
EQUAL_POINTS = 0.5
"""A member that is at most so far below a rival of twice its cost, or dearer, equals it."""


@dataclass(frozen=True, eq=False)
class Rivals:
    """Members and rivals, trained with the same epochs, seeds, start and settings.

    trained: a row for each, by cost: role (member, rival), name, id, the costs, trained and trained_sd over seeds,
    trained_seed_<s>, the knobs. settings: what was asked for, with x, the cost, and y, the accuracy.
    """

    trained: pd.DataFrame
    settings: Mapping[str, Any]

    def __post_init__(self) -> None:
        described(self.trained, "rivals")

    @property
    def x(self) -> str:
        return str(self.settings["x"])

    def pairs(self) -> pd.DataFrame:
        """Each member beside the rivals of equal or higher cost: member, rival, cost_ratio, points, points_half.

        cost_ratio: the rival's cost over the member's. points: the member's trained figure less the rival's, in points,
        mean over shared seeds, those whose trainings of both came to their end; NaN without any. points_half: the
        half-width of its 95 % interval over them, NaN with one.
        """
        every = self._every_pair()
        return described(every[every["cost_ratio"].ge(1.0)].reset_index(drop=True), "pairs")

    def places(self) -> pd.DataFrame:
        """What each member is worth: member, the cost, trained, same_as, lead, equal_at_half, beaten_by, place.

        same_as: the rival that it is, if it is one; then it has no place. lead: its points over the best rival of equal
        or higher cost; NaN where there is none or one is unmeasured. equal_at_half: the rivals of at least twice its
        cost that it equals or beats (`EQUAL_POINTS`). beaten_by: rivals that cost no more and are at least as accurate.
        place: whether it leads by `AHEAD_POINTS` or equals a rival at half its cost; never while a rival, of any cost,
        is unmeasured. Points are those of `pairs`; without a shared seed a rival is unmeasured.
        """
        every, rows = self._every_pair(), []
        rivals = self.trained[self.trained[ROLE].eq(RIVAL)]
        for _, member in self.trained[self.trained[ROLE].eq(MEMBER)].iterrows():
            own = every[every["member"].eq(member["id"])]
            dearer, cheaper = own[own["cost_ratio"].ge(1.0)], own[own["cost_ratio"].le(1.0)]
            lead = float(dearer["points"].min(skipna=False))
            equalled = dearer[dearer["cost_ratio"].ge(2.0) & dearer["points"].ge(-EQUAL_POINTS)]["rival"].tolist()
            beaten = cheaper[cheaper["points"].le(0.0)]["rival"].tolist()
            measured = bool(own["points"].notna().all())
            same = ", ".join(rivals.loc[rivals["id"].eq(member["id"]), "name"])
            rows.append(
                {
                    "member": member["id"],
                    self.x: member[self.x],
                    TRAINED: member[TRAINED],
                    "same_as": same,
                    "lead": lead,
                    "equal_at_half": ", ".join(equalled),
                    "beaten_by": ", ".join(beaten),
                    "place": bool(lead >= AHEAD_POINTS or equalled) and measured and not beaten and not same,
                }
            )
        return described(pd.DataFrame(rows), "places")

    def _every_pair(self) -> pd.DataFrame:
        """The columns of `pairs` for rivals of any cost, but those that are the member itself."""
        members, rivals = (self.trained[self.trained[ROLE].eq(role)] for role in (MEMBER, RIVAL))
        rows = []
        for _, member in members.iterrows():
            for _, rival in rivals[rivals["id"].ne(member["id"])].iterrows():
                mean, half = paired_interval(self._differences(member, rival))
                ratio = float(rival[self.x] / member[self.x])
                rows.append((member["id"], rival["name"], ratio, 100 * mean, 100 * half))
        names = {"member": "str", "rival": "str"} | dict.fromkeys(("cost_ratio", "points", "points_half"), "float64")
        return pd.DataFrame(rows, columns=list(names)).astype(names)

    @staticmethod
    def _differences(member: pd.Series, rival: pd.Series) -> list[float]:
        seeds = [name for name in member.index if str(name).startswith(TRAINED_SEED)]
        differences = (member[seeds] - rival[seeds]).astype("float64").dropna()
        return differences.tolist() or [float("nan")]


def write_rivals(folder: Path, found: Rivals) -> None:
    """Write `rivals.parquet`, then `rivals.json`, each whole or not at all."""
    content = {"settings": dict(found.settings), "places": json.loads(found.places().to_json(orient="records"))}
    write_whole(folder / f"{layout.RIVALS}.parquet", to_parquet(found.trained))
    write_whole(folder / f"{layout.RIVALS}.json", (json.dumps(content, indent=2) + "\n").encode())


def read_rivals(folder: Path) -> Rivals:
    """What was written there. RunError when the run has none, or a file that can't be read."""
    file, again = folder / f"{layout.RIVALS}.json", f"bitfront compare {folder} --rivals"
    if not file.is_file():
        raise RunError(f"{folder} has no {file.name}. Make it with: {again}")
    try:
        settings = json.loads(file.read_text("utf-8"))["settings"]
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(f"{file} can't be read ({error}). Make it again with: {again}") from error
    trained, _ = read_parquet(folder / f"{layout.RIVALS}.parquet")
    return Rivals(trained, settings)


def drawn_rivals(folder: Path, y: str) -> pd.DataFrame | None:
    """What a picture over the accuracy y shows of them; None where there are none of that."""
    if not (folder / f"{layout.RIVALS}.json").is_file():
        return None
    found = read_rivals(folder)
    return found.trained if found.settings["y"] == y else None
