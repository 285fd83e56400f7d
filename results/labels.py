"""Labels beside points of a picture, placed so that they cover neither each other nor the points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

# Tried in this order, in points from the labelled spot: the upper left of a rising front is mostly empty.
OFFSETS = ((-12, 14), (12, -18), (12, 14), (-12, -18), (0, 30), (0, -34), (-40, 26), (40, -30), (-40, -40), (40, 40))
MARGIN = 4.0


@dataclass(frozen=True)
class Label:
    """A text for the point (x, y), in data units."""

    x: float
    y: float
    text: str
    colour: str


def place_labels(axes: Axes, labels: list[Label], avoid: NDArray[np.float64]) -> list[Annotation]:
    """Write each label at the first offset where it is free, or at the one that covers least.

    avoid (N, 2): points in data units that no text should lie on. Free means inside the axes, off these points and off
    the legend and the labels placed before.
    """
    figure = axes.get_figure(root=True)
    if figure is None:
        raise ValueError("axes belong to no figure, so that a label has no size.")
    # Only a drawing settles the layout, and with it where things lie.
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    spots = axes.transData.transform(np.vstack([avoid, *[[label.x, label.y] for label in labels]]))
    inside = axes.get_window_extent(renderer)
    legend = axes.get_legend()
    taken = [legend.get_window_extent(renderer)] if legend else []
    placed = []
    for label in labels:
        tries = [_annotate(axes, label, offset) for offset in OFFSETS]
        boxes = [text.get_window_extent(renderer).padded(MARGIN) for text in tries]
        best = int(np.argmin([_cost(box, inside, taken, spots) for box in boxes]))
        for index, text in enumerate(tries):
            if index != best:
                text.remove()
        placed.append(tries[best])
        taken.append(boxes[best])
    return placed


def _annotate(axes: Axes, label: Label, offset: tuple[int, int]) -> Annotation:
    side = "center" if not offset[0] else "left" if offset[0] > 0 else "right"
    return axes.annotate(
        label.text,
        (label.x, label.y),
        xytext=offset,
        textcoords="offset points",
        ha=side,
        va="center",
        fontsize=9.5,
        color=label.colour,
        zorder=6,
        path_effects=[withStroke(linewidth=3, foreground="white")],
        arrowprops={"arrowstyle": "-", "color": label.colour, "linewidth": 0.7, "shrinkA": 1, "shrinkB": 5},
    )


def _cost(box: Bbox, inside: Bbox, taken: list[Bbox], spots: NDArray[np.float64]) -> float:
    """What is wrong with a text here: being outside weighs most, then lying on other text, then on points."""
    outside = not (inside.x0 <= box.x0 and box.x1 <= inside.x1 and inside.y0 <= box.y0 and box.y1 <= inside.y1)
    return 100.0 * outside + 10.0 * box.count_overlaps(taken) + float(box.count_contains(spots))
