"""Labels beside points of a picture, placed so that they cover neither each other nor the points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.patheffects import withStroke
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

# Tried in this order, in points from the labelled spot: near before far, and first the upper left, which a rising
# front mostly leaves empty.
DIRECTIONS = ((-12, 14), (12, -18), (12, 14), (-12, -18), (0, 22), (0, -24), (24, 0), (-24, 0))
OFFSETS = tuple((reach * right, reach * up) for reach in (1.0, 1.8, 3.0, 4.5) for right, up in DIRECTIONS)
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
        boxes = [text_box(text, renderer).padded(MARGIN) for text in tries]
        best = int(np.argmin([_cost(box, inside, taken, spots) for box in boxes]))
        for index, text in enumerate(tries):
            if index != best:
                text.remove()
        placed.append(tries[best])
        taken.append(boxes[best])
    return placed


def text_box(annotation: Annotation, renderer: RendererBase) -> Bbox:
    """Where the text lies, in pixels; an annotation's own extent holds its line to the point too."""
    annotation.update_positions(renderer)
    return Text.get_window_extent(annotation, renderer)


def _annotate(axes: Axes, label: Label, offset: tuple[float, float]) -> Annotation:
    side = "center" if not offset[0] else "left" if offset[0] > 0 else "right"
    annotation = axes.annotate(
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
    # The layout is settled by now: a text near the edge must not move what it was placed against.
    annotation.set_in_layout(False)
    return annotation


def _cost(box: Bbox, inside: Bbox, taken: list[Bbox], spots: NDArray[np.float64]) -> float:
    """What is wrong with a text here: being outside weighs most, then lying on other text, then on points."""
    outside = not (inside.x0 <= box.x0 and box.x1 <= inside.x1 and inside.y0 <= box.y0 and box.y1 <= inside.y1)
    return 100.0 * outside + 10.0 * box.count_overlaps(taken) + float(box.count_contains(spots))
