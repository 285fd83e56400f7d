"""How the hypervolume of the front grew, over evaluations and over time."""

from __future__ import annotations

from typing import Any

import pandas as pd

from results.errors import RunError
from results.report.section import INK, Figure, Section
from results.report.text import accuracy, plot_text, quantity
from results.run import Run

ID, TITLE = "progress", "Growth of the front"
MOST_POINTS = 1500
"""Of a curve; between two kept points it changes by nothing that a screen could show."""


def progress_section(run: Run) -> Section:
    """One curve over evaluations, and one over time where the trials have times. RunError where nothing counts."""
    history = run.history()
    if history.empty or not history["hypervolume"].max() > 0:
        raise RunError("No candidate adds to the hypervolume yet.")
    reference = history.attrs["reference"]
    best = float(history["hypervolume"].iloc[-1])
    shares = history["hypervolume"] / best
    figures = [_curve("progress-evaluations", history["evaluation"], shares, "evaluations")]
    lines = []
    if "seconds" in history and history["seconds"].notna().any():
        figures.append(_curve("progress-time", history["seconds"] / 60, shares, "minutes since the first proposal"))
    else:
        lines.append("The trials of this run have no times: an earlier version made it.")
    points = ", ".join(f"{name} {_value(name, value, run)}" for name, value in reference.items())
    half = int(history.loc[shares.ge(0.99), "evaluation"].iloc[0])
    lead = (
        f"The hypervolume between the front and the point {points}, as a share of what it is now. It reached "
        f"99\u00a0% after {half} of {int(history['evaluation'].iloc[-1])} evaluations."
    )
    return Section(ID, TITLE, lead, figures=figures, lines=lines, template="two")


def _value(name: str, value: float, run: Run) -> str:
    return accuracy(value) if name == run.y else quantity(value)


def _curve(id_: str, places: pd.Series, shares: pd.Series, title: str) -> Figure:
    changed = shares.ne(shares.shift()) | (shares.index == shares.index[-1])
    kept = shares.index[changed]
    kept = kept[:: len(kept) // MOST_POINTS + 1].union([shares.index[-1]])
    low = max(0.0, 1 - 1.15 * (1 - float(shares[shares.gt(0)].iloc[0])))
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines",
        "x": places[kept].astype(float).round(3).tolist(),
        "y": shares[kept].round(5).tolist(),
        "line": {"shape": "hv", "color": INK, "width": 1.8},
        "hovertemplate": "%{y:.1%} at %{x}<extra></extra>",
    }
    layout = {
        "xaxis": {"title": {"text": plot_text(title)}, "rangemode": "tozero"},
        "yaxis": {
            "title": {"text": "share of the hypervolume"},
            "tickformat": ".0%",
            "range": [low, 1 + 0.03 * (1 - low)],
        },
        "showlegend": False,
    }
    return Figure(id_, f"Hypervolume over {title}", [trace], layout, 320)
