"""The losses of a run's trainings: teachers, supernet, retrained detectors."""

from __future__ import annotations

import pandas as pd

from results.errors import RunError
from results.report.section import SERIES, Figure, Section
from results.report.text import plot_text
from results.run import Run

ID, TITLE = "losses", "Losses of the trainings"
MOST_TRAININGS, MOST_POINTS = 12, 300
DASHES = ("solid", "dash", "dot", "dashdot")


def losses_section(run: Run) -> Section:
    """The whole loss of each training, and the terms of the supernet's. RunError where nothing was trained."""
    epochs = run.training()
    if epochs.empty or "loss" not in epochs:
        raise RunError("No training is logged in this run.")
    stages = list(dict.fromkeys(epochs["stage"]))
    shown = stages[-MOST_TRAININGS:]
    figures = [_figure("losses-all", "loss", {one: epochs[epochs["stage"].eq(one)] for one in shown})]
    supernet = epochs[epochs["stage"].eq("supernet")]
    names = [str(name) for name in epochs.columns if name not in ("stage", "epoch", "of", "loss")]
    terms = [name for name in names if supernet[name].notna().any()]
    if len(terms) > 1:
        figures.append(_terms("losses-supernet", supernet, terms[: len(SERIES) * len(DASHES)]))
    lead = "The mean loss of each epoch, with the weights of its terms. Trainings of different terms aren't comparable."
    lines = [f"Shown are the last {len(shown)} of {len(stages)} trainings."] if len(shown) < len(stages) else []
    return Section(ID, TITLE, lead, figures=figures, lines=lines, template="two")


def _figure(id_: str, column: str, trainings: dict[str, pd.DataFrame]) -> Figure:
    traces = [_trace(name, rows, column, place) for place, (name, rows) in enumerate(trainings.items())]
    return Figure(id_, "Loss of each training by epoch", traces, _layout("loss of each training"), 360)


def _terms(id_: str, supernet: pd.DataFrame, terms: list[str]) -> Figure:
    traces = [_trace(term, supernet[supernet[term].notna()], term, place) for place, term in enumerate(terms)]
    return Figure(id_, "Terms of the supernet's loss by epoch", traces, _layout("terms of the supernet's loss"), 360)


def _trace(name: str, rows: pd.DataFrame, column: str, place: int) -> dict[str, object]:
    rows = rows.iloc[:: len(rows) // MOST_POINTS + 1]
    values = rows[column].where(rows[column].abs() < float("inf"))
    return {
        "type": "scatter",
        "mode": "lines",
        "name": plot_text(name, 28),
        "x": rows["epoch"].tolist(),
        "y": [None if pd.isna(one) else round(float(one), 5) for one in values],
        "line": {
            "color": SERIES[place % len(SERIES)],
            "dash": DASHES[place // len(SERIES) % len(DASHES)],
            "width": 1.8,
        },
        "hovertemplate": f"{plot_text(name, 28).replace('%', '')}<br>epoch %{{x}}: %{{y:.3f}}<extra></extra>",
    }


def _layout(title: str) -> dict[str, object]:
    return {"xaxis": {"title": {"text": "epoch"}}, "yaxis": {"title": {"text": title}, "rangemode": "tozero"}}
