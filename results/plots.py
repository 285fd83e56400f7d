"""The picture of a front: one set of axes, cost on a log scale, all candidates behind the staircase of the best."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import (
    EngFormatter,
    Formatter,
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    NullLocator,
)
from numpy.typing import NDArray

from results.agreement import ROLE, TRAINED
from results.columns import axis_label, check_axes
from results.errors import RunError
from results.files import write_whole
from results.front import at_rung, eligible, front_rows, knee_id, top_rung
from results.labels import Label, place_labels
from results.rivals import MEMBER, RIVAL

# Okabe and Ito's palette: distinct in every common form of colour blindness, and by lightness in grey print.
BEHIND, FRONT, KNEE, INK = "#9AA0A6", "#0072B2", "#D55E00", "#30343A"
FORMATS = ("png", "svg", "pdf")
HEIGHT, LINE, LEGEND = 5.0, 0.21, 5
"""Inches of a picture and of a line of the legend below one, and how many entries that has besides the rivals."""
HALF = 50
"""So many letters of a name have room in half of the width."""
SHORTENED = 1000.0
"""From which cost on an axis has prefixes."""


def plot_front(
    trials: pd.DataFrame,
    path: str | os.PathLike[str],
    x: str,
    y: str,
    references: Mapping[str, str] | None = None,
    rung: int | None = None,
    trained: pd.DataFrame | None = None,
) -> None:
    """Write the picture of the front over x (minimised) and y (maximised) to a .png, .svg or .pdf file.

    references: id -> label of candidates to be named in the picture; an id that is not in it is left out.
    rung: whose trials are drawn, the highest by default. trained: members of the front and rivals with the column
    `trained`, a figure y of their own on the test images (`results.rivals`).
    RunError for another ending of the path, or a column that is no axis.
    """
    target = Path(path)
    kind = picture_kind(target)
    write_whole(target, rendered(front_figure(trials, x, y, references, rung, trained), kind))


def picture_kind(path: Path) -> str:
    """The one of `FORMATS` that the file's name ends in. RunError for another ending."""
    kind = path.suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        raise RunError(f"{path} ends in {path.suffix!r}; a picture ends in one of .{', .'.join(FORMATS)}.")
    return kind


def rendered(figure: Figure, kind: str = "png") -> bytes:
    """The picture as the content of a file of one of the FORMATS."""
    content = io.BytesIO()
    figure.savefig(content, format=kind)
    return content.getvalue()


def front_figure(
    trials: pd.DataFrame,
    x: str,
    y: str,
    references: Mapping[str, str] | None = None,
    rung: int | None = None,
    trained: pd.DataFrame | None = None,
) -> Figure:
    """The picture, without pyplot. Without a complete trial: empty axes with a text that says so."""
    check_axes(trials, x, y)
    rung = top_rung(trials) if rung is None else rung
    of_several = f" at rung {rung}" if trials["rung"].nunique() > 1 else ""
    trials = at_rung(trials, rung)
    figure = Figure(figsize=(7.5, HEIGHT), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    finite = np.isfinite(trials[[x, y]].to_numpy(dtype=np.float64)).all(axis=1)
    complete = trials[trials["state"].eq("complete").to_numpy(dtype=bool) & finite]
    front = front_rows(trials, x, y, rung=rung)
    draw_frame(axes, x, y, _heading(trials, front, of_several))
    if complete.empty:
        axes.set(xticks=[], yticks=[])
        axes.text(0.5, 0.5, "No complete candidate yet", transform=axes.transAxes, ha="center", color=INK, fontsize=12)
    else:
        beside = trained if trained is not None and x in trained else pd.DataFrame(columns=[x, ROLE, TRAINED, "name"])
        set_scale(axes, pd.concat([complete[x], beside[x]]) if len(beside) else complete[x])
        _draw_candidates(axes, complete, x, y)
        rivals = beside[beside[ROLE].eq(RIVAL) & beside[TRAINED].notna()].sort_values(x)
        named_once = {one: name for one, name in (references or {}).items() if one not in set(rivals.get("id", ()))}
        labels = _draw_front(axes, front, x, y) + _draw_references(axes, complete, x, y, named_once)
        labels += _draw_trained(axes, beside, rivals, x)
        if len(beside):
            columns = 2 if rivals["name"].str.len().max() <= HALF else 1
            figure.set_figheight(HEIGHT + LINE * (len(rivals) + LEGEND) / columns)
            figure.legend(loc="outside lower center", ncols=columns, fontsize=9, edgecolor="none")
        else:
            axes.legend(loc="lower right", fontsize=9, framealpha=0.9, edgecolor="none")
        place_labels(axes, labels, avoid=np.vstack([complete[[x, y]].to_numpy(dtype=np.float64), _along(front, x, y)]))
    return figure


def _heading(trials: pd.DataFrame, front: pd.DataFrame, of_several: str) -> str:
    failed = int(trials["state"].eq("failed").sum())
    scored = len(trials) - failed
    return f"Front of {len(front)} out of {scored} candidates{of_several}" + (
        f" ({failed} failed, not shown)" if failed else ""
    )


def draw_frame(axes: Axes, x: str, y: str, heading: str) -> None:
    """The heading, the texts at the axes and the grid."""
    axes.set_title(heading, loc="left", fontsize=11, color=INK)
    axes.set_xlabel(axis_label(x), fontsize=11, color=INK)
    axes.set_ylabel(axis_label(y), fontsize=11, color=INK)
    axes.tick_params(labelsize=10, labelcolor=INK, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, color="#E3E5E8", linewidth=0.8)
    axes.set_axisbelow(True)


def cost_formatter(low: float) -> Formatter:
    """Counts are shortened, as 2 G; milliseconds and megabytes, which may be below one, are written out."""
    return EngFormatter(sep=" ") if low >= SHORTENED else FuncFormatter(lambda value, _: f"{value:g}")


def set_scale(axes: Axes, costs: pd.Series) -> None:
    """A log axis with as many numbers as it takes to read it; a linear one where a cost is zero or all are equal."""
    low, high = float(costs.min()), float(costs.max())
    formatter = cost_formatter(low)
    axes.xaxis.set_major_formatter(formatter)
    if low <= 0 or low == high:
        return
    axes.set_xscale("log")
    decades = np.log10(high / low)
    steps = (1.0,) if decades > 4 else (1.0, 2.0, 5.0) if decades > 1 else (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0)
    axes.xaxis.set_major_locator(LogLocator(subs=steps) if decades > 0.5 else MaxNLocator(6))
    axes.xaxis.set_major_formatter(formatter)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())


def _draw_candidates(axes: Axes, complete: pd.DataFrame, x: str, y: str) -> None:
    within = eligible(complete)
    inside, outside = complete[within], complete[~within]
    axes.scatter(inside[x], inside[y], s=20, color=BEHIND, alpha=0.55, linewidths=0, label="candidates")
    if not outside.empty:
        label = "over a budget of the search"
        axes.scatter(outside[x], outside[y], s=22, marker="x", color=BEHIND, alpha=0.8, linewidths=1, label=label)


def _draw_front(axes: Axes, front: pd.DataFrame, x: str, y: str) -> list[Label]:
    """The staircase: what accuracy can be had up to each cost. Returns the knee's label; none where no knee exists."""
    axes.plot(front[x], front[y], drawstyle="steps-post", color=FRONT, linewidth=1.6)
    axes.scatter(front[x], front[y], s=38, color=FRONT, edgecolors="white", linewidths=0.8, zorder=3, label="front")
    if front.empty or front[x].iloc[0] <= 0:
        return []
    knee = front[front["id"] == knee_id(front, x, y)].iloc[0]
    axes.scatter(
        knee[x], knee[y], s=170, marker="*", color=KNEE, edgecolors="white", linewidths=0.8, zorder=4, label="knee"
    )
    return [Label(float(knee[x]), float(knee[y]), f"knee {knee['id']}", KNEE)]


def _draw_trained(axes: Axes, trained: pd.DataFrame, rivals: pd.DataFrame, x: str) -> list[Label]:
    """Members and rivals at their trained figures. Returns the rivals' numbers; the legend has their names."""
    members = trained[trained[ROLE].eq(MEMBER)]
    for rows, marker, colour, label in (
        (members, "s", FRONT, "member of the front, trained (test images)"),
        (rivals, "^", KNEE, "made by hand, trained (test images)"),
    ):
        if len(rows):
            axes.scatter(rows[x], rows[TRAINED], s=48, marker=marker, facecolors="none", edgecolors=colour, label=label)
    for number, name in enumerate(rivals["name"], start=1):
        axes.scatter([], [], s=40, marker=f"${number}$", color=KNEE, linewidths=0.4, label=str(name))
    spots = rivals[[x, TRAINED]].to_numpy(dtype=np.float64)
    return [Label(float(at), float(figure), str(number), KNEE) for number, (at, figure) in enumerate(spots, start=1)]


def _along(front: pd.DataFrame, x: str, y: str, parts: int = 24) -> NDArray[np.float64]:
    """Points (N, 2) along the staircase, close enough for a text not to slip between them."""
    xs, ys = front[x].to_numpy(dtype=np.float64), front[y].to_numpy(dtype=np.float64)
    t = np.linspace(0, 1, parts)[:, None]
    level, edge = np.broadcast_to(ys[:-1], (parts, len(ys[1:]))), np.broadcast_to(xs[1:], (parts, len(xs[1:])))
    across = np.stack([(xs[:-1] + t * np.diff(xs)).ravel(), level.ravel()], axis=1)
    up = np.stack([edge.ravel(), (ys[:-1] + t * np.diff(ys)).ravel()], axis=1)
    return np.vstack([across, up])


def _draw_references(axes: Axes, complete: pd.DataFrame, x: str, y: str, references: Mapping[str, str]) -> list[Label]:
    named = complete[complete["id"].isin(references)].drop_duplicates("id")
    axes.scatter(named[x], named[y], s=70, marker="D", facecolors="none", edgecolors=INK, linewidths=1.3, zorder=5)
    return [Label(float(row[x]), float(row[y]), references[row["id"]], INK) for _, row in named.iterrows()]
