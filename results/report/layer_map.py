"""The layers of the front's candidates, side by side."""

from __future__ import annotations

from results.errors import RunError
from results.front import at_rung
from results.report.candidates import layers_of
from results.report.section import Section
from results.run import Run

ID, TITLE = "layers", "Layers of the front"
MOST_CELLS = 60_000
"""All candidates are offered up to so many cells; a browser draws that in less than a second."""


def layer_section(run: Run) -> Section:
    """The map; its script draws it from the front's data."""
    layers = layers_of(run)
    if not layers:
        raise RunError("The search has no knob of a layer.")
    run.front()
    complete = int(at_rung(run.trials)["state"].eq("complete").sum())
    cells = complete * len(layers)
    lead = "A column for each candidate, by cost; a row for each layer, from the image to the heads."
    few = cells <= MOST_CELLS
    lines = () if few else (f"A map of all {complete} candidates would have {cells} cells: too many to draw.",)
    return Section(ID, TITLE, lead, lines=lines, template="layers", data={"all": few}, facts={"all": few})
