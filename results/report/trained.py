"""What trained networks reach beside their scores: retrained candidates, fidelity and rivals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from results.errors import RunError
from results.report.section import ACCENT, INK, MUTED, SERIES, Figure, Section, Table
from results.report.text import accuracy, plot_text, quantity, shortened
from results.run import Run

ID, TITLE = "trained", "Scores against trained networks"


def trained_section(run: Run) -> Section:
    """Each part that the run has; a line for each that it lacks. RunError where it has none."""
    figures: list[Figure] = []
    tables: list[Table] = []
    lines: list[str] = []
    parts: tuple[Callable[[Run], tuple[list[Figure], list[Table]]], ...] = (_retrained, _fidelity, _rivals)
    for part in parts:
        try:
            drawn, listed = part(run)
        except RunError as error:
            lines.append(str(error))
        else:
            figures, tables = figures + drawn, tables + listed
    if not tables:
        raise RunError(" ".join(lines))
    lead = "A score comes from the supernet's shared weights; a trained network has weights of its own."
    return Section(ID, TITLE, lead, figures=figures, tables=tables, lines=lines, template="two")


def _retrained(run: Run) -> tuple[list[Figure], list[Table]]:
    frame = run.retrained()
    if frame.empty:
        raise RunError(f"No candidate was retrained. Do it with: bitfront retrain {run.path} --pick knee")
    names = [str(name) for name in frame.columns]
    tests = [name for name in names if name.startswith("test_") and frame[name].notna().any()]
    known = [name for name in (f"score_{run.y}", *tests, f"twin_{run.y}", run.x, "epochs") if name in names]
    rows = [[shortened(row["id"]), *(_cell(name, row[name], run) for name in known)] for _, row in frame.iterrows()]
    heads = [name.replace("_", " ", 1) if name.startswith(("test_", "score_", "twin_")) else name for name in known]
    numbers = frozenset(range(1, len(known) + 1))
    return [], [Table("Retrained candidates, on the test images", ["candidate", *heads], rows, numbers)]


def _cell(name: str, value: Any, run: Run) -> str:
    if pd.isna(value):
        return "-"
    return quantity(float(value)) if name == run.x else f"{value}" if name == "epochs" else accuracy(float(value))


def _fidelity(run: Run) -> tuple[list[Figure], list[Table]]:
    found = run.fidelity()
    candidates, y = found.candidates, str(found.settings["y"])
    scores = sorted(str(name) for name in candidates.columns if str(name).startswith("score_rung_"))
    traces = [
        _points(f"rung {name.removeprefix('score_rung_')}", candidates, name, "trained", SERIES[place % 7])
        for place, name in enumerate(scores)
    ]
    layout = {"xaxis": {"title": {"text": "score"}}, "yaxis": {"title": {"text": plot_text(f"{y} when trained")}}}
    figure = Figure("trained-fidelity", "Trained figures against scores", traces, layout, 400)
    rows = [
        [shortened(row["measure"]), str(int(row["candidates"])), _interval(row, "tau"), _interval(row, "spearman")]
        for _, row in found.agreement.iterrows()
    ]
    heads = ("measure", "candidates", "Kendall's tau", "Spearman's rho")
    caption = f"How well measures order {len(candidates)} trained candidates (95 % intervals)"
    return [figure], [Table(caption, heads, rows, frozenset({1, 2, 3}))]


def _interval(row: pd.Series, name: str) -> str:
    return f"{row[name]:.2f} ({row[f'{name}_low']:.2f} to {row[f'{name}_high']:.2f})"


def _rivals(run: Run) -> tuple[list[Figure], list[Table]]:
    found = run.rivals()
    y, trained = str(found.settings["y"]), found.trained
    members, rivals = (trained[trained["role"].eq(role)] for role in ("member", "rival"))
    traces = [
        _points("made by hand", rivals, found.x, "trained", MUTED, "triangle-up", "name"),
        _points("member of the front", members, found.x, "trained", ACCENT, "square", "id"),
    ]
    layout = {
        "xaxis": {"title": {"text": plot_text(found.x)}, "type": "log", "tickformat": "~s", "nticks": 6},
        "yaxis": {"title": {"text": plot_text(f"{y} when trained")}},
    }
    figure = Figure("trained-rivals", "Members of the front and hand-made networks, trained", traces, layout, 400)
    places = found.places()
    rows = [
        [
            shortened(row["member"]),
            quantity(float(row[found.x])),
            accuracy(float(row["trained"])),
            "-" if pd.isna(row["lead"]) else f"{row['lead']:+.1f}",
            shortened(row["equal_at_half"] or "-"),
            shortened(row["beaten_by"] or "-"),
        ]
        for _, row in places.iterrows()
    ]
    heads = ("member", found.x, "trained", "lead, points", "equals at half the cost", "beaten by")
    return [figure], [Table("Members against hand-made networks, trained alike", heads, rows, frozenset({1, 2, 3}))]


def _points(
    name: str, rows: pd.DataFrame, x: str, y: str, colour: str, symbol: str = "circle", label: str = "id"
) -> dict[str, Any]:
    rows = rows[rows[x].notna() & rows[y].notna()]
    names = rows[label] if label in rows else pd.Series([""] * len(rows))
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": rows[x].astype(float).tolist(),
        "y": rows[y].astype(float).round(5).tolist(),
        "marker": {"color": colour, "size": 9, "symbol": symbol, "line": {"color": INK, "width": 0.6}},
        "text": [
            f"<b>{plot_text(one)}</b><br>{plot_text(name)}: {_number(a)}<br>trained {b:.3f}"
            for one, a, b in zip(names, rows[x].astype(float), rows[y].astype(float), strict=True)
        ],
        "hoverinfo": "text",
    }


def _number(value: float) -> str:
    return quantity(value) if value > 1 else accuracy(value)
