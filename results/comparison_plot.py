"""The picture of several runs' fronts."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from results.files import write_whole
from results.plots import draw_frame, picture_kind, rendered, set_scale

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Okabe and Ito's, which colour-blind people tell apart."""
MARKERS = "os^DvP"


def plot_comparison(fronts: pd.DataFrame, path: str | os.PathLike[str], x: str, y: str) -> None:
    """Write the staircases of the runs in `fronts`, whose column `run` names them, to a .png, .svg or .pdf file.

    RunError for another ending of the path.
    """
    target = Path(path)
    write_whole(target, rendered(comparison_figure(fronts, x, y), picture_kind(target)))


def comparison_figure(fronts: pd.DataFrame, x: str, y: str) -> Figure:
    """The picture, without pyplot."""
    figure = Figure(figsize=(7.5, 5.0), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    draw_frame(axes, x, y, f"Fronts of {fronts['run'].nunique()} runs")
    set_scale(axes, fronts[x])
    for index, (name, front) in enumerate(fronts.groupby("run", sort=False)):
        colour, marker = COLOURS[index % len(COLOURS)], MARKERS[index // len(COLOURS) % len(MARKERS)]
        axes.plot(front[x], front[y], drawstyle="steps-post", color=colour, linewidth=1.6)
        axes.scatter(
            front[x],
            front[y],
            s=38,
            marker=marker,
            color=colour,
            edgecolors="white",
            linewidths=0.8,
            zorder=3,
            label=name,
        )
    axes.legend(loc="lower right", fontsize=9, framealpha=0.9, edgecolor="none")
    return figure
