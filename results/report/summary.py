"""The head of a page: what was searched, what came out, and how far to trust it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from results.errors import RunError
from results.figures import FIGURES
from results.report.candidates import colours_of, knobs_in_order, layers_of
from results.report.config import read_config, setting
from results.report.text import accuracy, quantity, shortened
from results.run import Run


@dataclass(frozen=True)
class Summary:
    """The title, a sentence or two, a line about an unfinished search ("" for none), tiles, and a word of care."""

    title: str
    text: str
    state: str
    tiles: list[dict[str, str]]
    care: str


def summary_of(run: Run) -> Summary:
    """Works for every run that opens, also for one without a complete trial."""
    config = read_config(run.path)
    title = shortened(config.get("name") or run.path.name, 80)
    searched = _searched(run, config)
    care = f"Accuracies of candidates are scores{_on_images(config)}, not figures of trained networks."
    try:
        front = run.front()
    except RunError as error:
        return Summary(title, f"{searched} It has no front: {error}", _state(run), _tiles(run, None, None), care)
    knee = _knee(run, front)
    return Summary(title, f"{searched} {_found(run, front, knee)}", _state(run), _tiles(run, front, knee), care)


def _searched(run: Run, config: dict[str, Any]) -> str:
    layers, terms = len(layers_of(run)), sum(one.startswith("teacher/") for one in knobs_in_order(run.trials))
    methods = ", ".join(shortened(one, 30) for one in list(colours_of(run))[:12])
    detector, data = setting(config, "student.detector"), setting(config, "data.format")
    of = f" of {shortened(detector)}" if detector else ""
    on = f" on {shortened(data)} data" if data else ""
    taught = f" and the teachers of {terms} distillation term{'s' if terms > 1 else ''}" if terms else ""
    return (
        f"The search scored {run.finished} candidates{of}{on}. A candidate chooses a method ({methods}) for each of "
        f"{layers} layers{taught}."
    )


def _found(run: Run, front: pd.DataFrame, knee: pd.Series | None) -> str:
    first, last = front.iloc[0], front.iloc[-1]
    cost = FIGURES[run.x].label if run.x in FIGURES else run.x
    of_rung = f" at rung {run.rung}" if len(run.rungs) > 1 else ""
    if len(front) == 1:
        found = f"The front{of_rung} is one candidate: {quantity(first[run.x])} {cost} for {accuracy(first[run.y])}"
        return f"{found} {run.y}."
    found = (
        f"The front{of_rung} has {len(front)} of them, from {quantity(first[run.x])} {cost} at "
        f"{accuracy(first[run.y])} {run.y} to {quantity(last[run.x])} at {accuracy(last[run.y])}."
    )
    if knee is None:
        return found
    share = 100 * knee[run.x] / last[run.x]
    return (
        f"{found} Its knee is {shortened(knee['id'])}: {accuracy(knee[run.y])} at {quantity(knee[run.x])}, "
        f"{share:.2g} % of the cost of the front's dearest member."
    )


def _knee(run: Run, front: pd.DataFrame) -> pd.Series | None:
    try:
        return front[front["id"].eq(run.knee())].iloc[0]
    except RunError:  # a front over a cost of zero has none
        return None


def _state(run: Run) -> str:
    if run.state == "finished":
        return ""
    doing = "is at work" if run.state == "running" else "was stopped"
    return f"The search {doing}: {run.finished} of {run.planned} candidates are scored. More may follow."


def _tiles(run: Run, front: pd.DataFrame | None, knee: pd.Series | None) -> list[dict[str, str]]:
    failed = int(run.trials["state"].eq("failed").sum())
    planned = f" of {run.planned}" if run.planned not in (None, run.finished) else ""
    tiles = [{"value": f"{run.finished}{planned}", "what": f"candidates scored, {failed or 'none'} failed"}]
    if front is not None:
        tiles.append({"value": str(len(front)), "what": "candidates on the front"})
        best = front[run.y].max()
        tiles.append({"value": accuracy(best), "what": f"best {run.y} (score)"})
    if front is not None and knee is not None:
        dearest = front[run.x].iloc[-1] / knee[run.x]
        what = f"{run.x} of the knee, {dearest:.3g} times less than the front's dearest"
        tiles.append({"value": quantity(knee[run.x]), "what": what})
    return tiles


def _on_images(config: dict[str, Any]) -> str:
    images = setting(config, "data.val_images") or setting(config, "data.shapes.val")
    if setting(config, "data.format") != "shapes" and not setting(config, "data.val_images"):
        return " on the validation images"
    return f" on {images} validation images" if isinstance(images, int) else " on the validation images"
