"""What each choice costs or gains, as bars with their standard errors."""

from __future__ import annotations

from typing import Any

import pandas as pd

from results.columns import axis_label
from results.effects import LOGARITHM_SCALE, MULTIPLIED
from results.errors import RunError
from results.report.candidates import colours_of
from results.report.section import INK, MUTED, Figure, Section, Table
from results.report.text import plot_text, quantity, shortened
from results.run import Run

ID, TITLE = "effects", "What each choice costs or gains"
MOST_BARS = 30


def effects_section(run: Run) -> Section:
    """The largest effects as bars, all of them in a table. RunError where the run has no effects."""
    frame = run.effects()
    if frame.empty:
        raise RunError("Every knob of the search has one choice: there are no effects to compare.")
    largest = frame.loc[frame["effect"].abs().sort_values(ascending=False).index[:MOST_BARS]].sort_values("effect")
    known = frame.attrs
    lead = (
        f"The expected change of {run.y} when one choice takes the place of its reference, all else being equal, by a "
        f"linear model of {known['scores']} scores. Bars are standard errors."
    )
    shown = (
        f" The figure shows the {len(largest)} largest of {len(frame)} effects." if len(largest) < len(frame) else ""
    )
    multiplied = f" {MULTIPLIED}" if known["scale"] == LOGARITHM_SCALE else ""
    lines = [f"{_trust(known)}{multiplied}{shown}"]
    return Section(
        ID,
        TITLE,
        lead,
        figures=(_bars(largest, run.y, colours_of(run)),),
        tables=(_table(frame),),
        lines=lines,
    )


def _trust(known: dict[Any, Any]) -> str:
    """How far the effects can be believed, by scores that the model was not fitted to."""
    share, rest = float(known["r2_left_out"]), f"{float(known['noise_sd']):.4f}"
    if share <= 0:
        return (
            "The model predicts scores that it was not fitted to no better than their mean does: trust no effect here."
        )
    return (
        f"The model explains {share:.0%} of the variance of scores that it was not fitted to. Scores scatter by {rest}."
    )


def _bars(frame: pd.DataFrame, y: str, colours: dict[str, str]) -> Figure:
    labels = [f"{plot_text(_short(row.knob), 30)}: {plot_text(row.choice, 20)}" for row in _rows(frame)]
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": frame["effect"].round(6).tolist(),
        "y": list(range(len(frame))),
        "error_x": {"type": "data", "array": frame["effect_se"].round(6).tolist(), "color": INK, "thickness": 1.2},
        "marker": {"color": [colours.get(one, MUTED) for one in frame["choice"]]},
        "text": [
            f"{label} instead of {plot_text(row.reference, 20)}<br>{row.effect:+.4f} ± {row.effect_se:.4f}, "
            f"{row.trials} trials"
            for label, row in zip(labels, _rows(frame), strict=True)
        ],
        "hoverinfo": "text",
        "textposition": "none",
    }
    of = plot_text(axis_label(y)).replace(" (", "<br>(", 1)  # short lines, which a phone has room for
    layout = {
        "xaxis": {"title": {"text": f"change of<br>{of}"}, "zeroline": True},
        "yaxis": {"tickvals": list(range(len(frame))), "ticktext": labels, "autorange": "reversed"},
        "showlegend": False,
    }
    return Figure("effects-bars", "Effects of choices on the accuracy, as bars", [trace], layout, 110 + 20 * len(frame))


def _rows(frame: pd.DataFrame) -> list[Any]:
    """The rows with their columns as attributes."""
    return list(frame.itertuples())


def _short(knob: str) -> str:
    """Without the kind of a layer, which most knobs are; pairs of neighbours have it twice."""
    return knob.replace("layer/", "").replace("backbone.", "")


def _table(frame: pd.DataFrame) -> Table:
    rows = [
        [
            shortened(row.knob),
            shortened(row.choice),
            shortened(row.reference),
            f"{row.effect:+.4f} ± {row.effect_se:.4f}",
            quantity(float(row.saved)),
            f"{row.saved_percent:.1f} %",
            str(row.trials),
        ]
        for row in _rows(frame)
    ]
    columns = ("knob", "choice", "instead of", "effect ± se", "saves", "of the whole", "trials")
    return Table("All effects, the most harmful first", columns, rows, frozenset({3, 4, 5, 6}), folded=True)
