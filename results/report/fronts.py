"""The front of every cost and accuracy of a run, for the switch of axes."""

from __future__ import annotations

from typing import Any

import pandas as pd

from results.columns import axis_label, is_knob, model_column
from results.errors import RunError
from results.figures import ACCURACIES, COSTS
from results.front import eligible, front_rows, knee_id
from results.report.candidates import candidate_columns
from results.report.section import Section
from results.run import Run

ID, TITLE = "front", "The front"


def front_section(run: Run) -> Section:
    """The front with its switches; RunError where no candidate can be on it."""
    run.front()  # the check, and its message
    data = {"candidates": candidate_columns(run), "axes": _axes(run), "fronts": fronts(run), "rungs": run.rungs}
    lead = (
        "Each point is a candidate, scored with the supernet's weights. The line is the front: the best accuracy that "
        "can be had up to each cost. Bars span what the model of all scores expects, plus and minus a standard error. "
        "Choose a point, or a row of the table, for its layers, its JSON and the command that retrains it."
    )
    return Section(ID, TITLE, lead, template="front", data=data)


def fronts(run: Run) -> dict[str, dict[str, Any]]:
    """By "rung|cost|accuracy|score or model" the rows of the trials that are on the front, by cost, and the knee's."""
    trials = run.trials[[name for name in run.trials.columns if not is_knob(str(name))]]
    numbered = trials.assign(id=range(len(trials)))
    found = {}
    for rung in run.rungs:
        here = numbered[numbered["rung"].eq(rung)]
        for x in _present(here, list(COSTS)):
            for y in _present(here, list(ACCURACIES)):
                for by, ranked in (("score", y), ("model", model_column(y))):
                    if _present(here, [ranked]):
                        found[f"{rung}|{x}|{y}|{by}"] = _front(here, x, y, ranked, rung)
    return {key: one for key, one in found.items() if one["rows"]}


def _front(trials: pd.DataFrame, x: str, y: str, ranked: str, rung: int) -> dict[str, Any]:
    rows = front_rows(trials, x, y, ranked, rung)
    try:
        knee = int(knee_id(rows, x, ranked)) if len(rows) else None
    except (ValueError, RunError):  # costs of zero have no knee
        knee = None
    return {"rows": [int(one) for one in rows["id"]], "knee": knee}


def _axes(run: Run) -> dict[str, Any]:
    trials = run.trials
    return {
        "costs": [{"name": one, "label": axis_label(one)} for one in _present(trials, list(COSTS))],
        "accuracies": [{"name": one, "label": axis_label(one)} for one in _present(trials, list(ACCURACIES))],
        "x": run.x,
        "y": run.y,
        "rung": run.rung,
    }


def _present(trials: pd.DataFrame, names: list[str]) -> list[str]:
    """Those that some trial that may be on a front has."""
    able = trials[eligible(trials)]
    return [name for name in names if name in able.columns and able[name].notna().any()]
