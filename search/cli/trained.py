"""What trainings end with: tables of figures on the test images."""

import math
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from results.figures import TRAINED_SEED
from search.cli.options import Format
from search.cli.streams import say

if TYPE_CHECKING:
    from search.comparison.retraining import Retrained
    from search.stages.detector_result import Result

TRAINED_ALIKE = "all real, trained alike"
GIVEN = "given"
"""In place of epochs: a detector that was given as a file."""


def print_result(result: "Result", how: str, real: "Result | None" = None) -> None:
    """Print the figures of a trained detector beside those of its teachers, each with its epochs; and where it lies.

    real: the all-real candidate, trained with the same settings.
    """
    from search.cli.tables import print_rows

    rows = [_row(f"{how} {result.id}", _epochs(result), str(result.settings["start"]), result.test)]
    if result.best is not None:
        rows.append(_row("its best weights", str(result.best.epoch), "", result.best.test))
    if real is not None and real.id != result.id:
        rows.append(_row(TRAINED_ALIKE, _epochs(real), str(real.settings["start"]), real.test))
    if result.twin_test:
        rows.append(_row("its real-valued twin", _teacher_epochs(result, "twin"), "", result.twin_test))
    for name, figures in result.teachers_test.items():
        rows.append(_row(f"its teacher {name}", _teacher_epochs(result, name), "", figures))
    print_rows(rows)
    beside = "" if result.best is None else f" The best by validation is {result.best.checkpoint}."
    typer.echo(f"Measured on the test images. The {how} detector is {result.checkpoint}.{beside}")


def print_retrained(found: "Retrained", run: Path, form: Format = Format.TABLE, output: Path | None = None) -> None:
    """Print a row for each candidate and the all-real one, for people of one candidate and seed all its figures."""
    from search.cli.comparison_tables import print_frame
    from search.cli.tables import print_rows

    if not form.for_people:
        print_frame(found.table, form, output)
    elif len(found.results) == 1 and len(found.settings.seeds) == 1 and form is Format.TABLE and output is None:
        print_result(found.results[0], "retrained", found.real[0] if found.real else None)
    else:
        print_rows([_summary(row) for row in found.table.to_dict("records")], form, output)
        _say_how(found, run)
    for line in found.failed:
        say(f"failed: {line}\n")


def _say_how(found: "Retrained", run: Path) -> None:
    from results import layout

    first, seeds = found.results[0], found.settings.seeds
    counted = f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"
    say(
        f"{found.y} on the test images: trained for {_epochs(first)} epochs from {first.settings['start']}, {counted}; "
        f"mean and standard deviation over seeds. The detectors are in {run / layout.RETRAINED}.\n"
    )
    if first.twin_test:
        epochs = _teacher_epochs(first, "twin")
        trained = epochs if epochs == GIVEN else f"trained for {epochs} epochs"
        say(f"The real-valued twin, {trained}: {found.y} {first.twin_test[found.y]:.4f}.\n")


def _row(detector: str, epochs: str, start: str, figures: dict[str, float]) -> dict[str, object]:
    return {"detector": detector, "epochs": epochs, "start": start, **figures}


def _epochs(result: "Result") -> str:
    """The epochs of a training; with those before them in which inputs alone were binary, as in 20 + 60."""
    first = result.settings.get("inputs_first_epochs")
    return f"{first} + {result.settings['epochs']}" if first else str(result.settings["epochs"])


def _teacher_epochs(result: "Result", name: str) -> str:
    epochs = result.teachers_epochs[name]
    return GIVEN if epochs is None else str(epochs)


def _summary(row: Mapping[Hashable, object]) -> dict[str, object]:
    shown = {str(name): value for name, value in row.items() if not str(name).startswith(TRAINED_SEED)}
    return {name: _readable(name, value) for name, value in shown.items()}


def _readable(name: str, value: object) -> object:
    if isinstance(value, float) and math.isnan(value):
        return "-"
    return f"{value:.4f}" if name in ("score", "trained", "trained_sd") else value
