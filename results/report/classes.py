"""The average precision of each class, for retrained detectors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from results import layout
from results.errors import RunError
from results.report.section import SERIES, Figure, Section, Table
from results.report.text import accuracy, plot_text, shortened
from results.run import Run

ID, TITLE = "classes", "Average precision by class"
MOST_DETECTORS, MOST_CLASSES = 7, 40
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star", "x")

Classes = dict[str, dict[str, Any]]
"""By class its figures and the number of its objects."""


def classes_section(run: Run) -> Section:
    """A mark for each class and detector, the worst class first. RunError where no result has figures of classes."""
    found = _by_detector(run.path)
    if not found:
        raise RunError(
            "No retrained detector has figures of classes. Retrain one with this version: "
            f"bitfront retrain {run.path} --pick knee"
        )
    figure = _figure_of(run.y, found)
    names = list(dict.fromkeys(name for classes in found.values() for name in classes))
    values = {name: [_value(classes.get(name, {}), figure) for classes in found.values()] for name in names}
    measured = [name for name in names if any(one is not None for one in values[name])]
    names = sorted(measured, key=lambda name: _mean(values[name]))
    shown = names[:MOST_CLASSES]
    lead = f"{figure} of each class on the test images, the worst first: a mean hides a class that a network lost."
    some = [f"The figure shows the {len(shown)} worst of {len(names)} classes."] if len(shown) < len(names) else []
    marks = [
        _marks(detector, place, shown, [values[name][place] for name in shown]) for place, detector in enumerate(found)
    ]
    layout_ = {
        "xaxis": {"title": {"text": f"{figure} on the test images"}, "rangemode": "tozero"},
        "yaxis": {
            "tickvals": list(range(len(shown))),
            "ticktext": [plot_text(one, 20) for one in shown],
            "autorange": "reversed",
        },
    }
    picture = Figure("classes-marks", "Average precision by class and detector", marks, layout_, 130 + 20 * len(shown))
    return Section(ID, TITLE, lead, figures=(picture,), tables=(_table(found, names, values),), lines=some)


def _by_detector(folder: Path) -> dict[str, Classes]:
    """Of more detectors than a figure can tell apart, the last by their names."""
    found = {}
    for file in sorted((folder / layout.RETRAINED).glob(f"*/{layout.RESULT_FIGURES}")):
        kept = json.loads(file.read_text("utf-8"))
        classes = kept.get("test_classes") if isinstance(kept, dict) else None
        if isinstance(classes, dict) and classes:
            found[file.parent.name] = {str(name): one for name, one in classes.items() if isinstance(one, dict)}
    return dict(list(found.items())[-MOST_DETECTORS:])


def _figure_of(wanted: str, found: dict[str, Classes]) -> str:
    """The run's own accuracy if classes have it, else the first that they have."""
    names = dict.fromkeys(n for classes in found.values() for one in classes.values() for n in one if n != "objects")
    return wanted if wanted in names else next(iter(names), wanted)


def _value(one: dict[str, Any], figure: str) -> float | None:
    value = one.get(figure)
    return float(value) if isinstance(value, int | float) and value == value else None


def _mean(values: list[float | None]) -> float:
    known = [one for one in values if one is not None]
    return sum(known) / len(known)


def _marks(detector: str, place: int, names: list[str], values: list[float | None]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": plot_text(f"retrained {detector}", 30),
        "x": [None if one is None else round(one, 4) for one in values],
        "y": list(range(len(names))),
        "marker": {"color": SERIES[place], "symbol": SYMBOLS[place], "size": 9, "opacity": 0.85},
        "text": [
            f"<b>{plot_text(name)}</b><br>retrained {plot_text(detector, 30)}: {'-' if one is None else accuracy(one)}"
            for name, one in zip(names, values, strict=True)
        ],
        "hoverinfo": "text",
    }


def _table(found: dict[str, Classes], names: list[str], values: dict[str, list[float | None]]) -> Table:
    objects = {name: next((one[name].get("objects") for one in found.values() if name in one), None) for name in names}
    rows = [
        [
            shortened(name),
            "-" if objects[name] is None else shortened(objects[name], 12),
            *("-" if one is None else accuracy(one) for one in values[name]),
        ]
        for name in names
    ]
    heads = ("class", "objects", *(shortened(one, 24) for one in found))
    return Table("All classes", heads, rows, frozenset(range(1, len(heads))), folded=True)
