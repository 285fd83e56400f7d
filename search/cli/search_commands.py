"""The commands that search, and that show what a search found."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from results import layout
from search.cli.options import (
    ByOption,
    ConfigArgument,
    DataOption,
    Format,
    FormatOption,
    OutputOption,
    RunArgument,
    SetOption,
    absolute,
)
from search.cli.trained import print_result
from search.cli.user_errors import user_errors

if TYPE_CHECKING:
    from results import Run


def search(
    config: ConfigArgument,
    run_dir: Annotated[Path | None, typer.Option(help="The run's folder; runs/NAME by default.")] = None,
    data: DataOption = None,
    set_: SetOption = None,
    workers: Annotated[int | None, typer.Option(help="How many candidates are scored at the same time.")] = None,
    address: Annotated[
        str | None, typer.Option(help="HOST:PORT of a Ray cluster's head. Without it, this machine works alone.")
    ] = None,
) -> None:
    """Run a search: teachers, supernet, trials, front, one retrained detector. Run it again to go on."""
    with user_errors("The same command goes on where it stopped."):
        from search.config import load_config

        shortcuts = {"search.workers": workers, "search.address": address}
        overrides = [*(set_ or []), *(f"{key}={value}" for key, value in shortcuts.items() if value is not None)]
        loaded = load_config(config, overrides)  # before the imports that take seconds: a mistake is reported at once

        from search.cli.progress import terminal_progress
        from search.cli.tables import print_front
        from search.run.folder import default_folder
        from search.stages.search import run_search

        folder = run_dir or default_folder(loaded.name)
        outcome = run_search(loaded, folder.resolve(), absolute(data), terminal_progress(sys.stderr))
        print_front(outcome.run.front(), outcome.run.x, outcome.run.y)
        _note_rung(outcome.run)
        typer.echo(
            f"The front is in {folder}: front.csv, front.json, front.parquet, front.png; all trials in trials.parquet."
        )
        if (folder / layout.REPORT).is_file():
            typer.echo(f"All of it is in one page: {folder / layout.REPORT}")
        if outcome.retrained is not None:
            print_result(outcome.retrained, "retrained", outcome.real)


def front(
    run: RunArgument,
    format_: FormatOption = Format.TABLE,
    x: Annotated[str | None, typer.Option(help="The cost. Default: the search's own.")] = None,
    y: Annotated[str | None, typer.Option(help="The accuracy. Default: the search's own.")] = None,
    by: ByOption = "score",
    rung: Annotated[int | None, typer.Option(help="The rung whose scores count. Default: the highest.")] = None,
    effects: Annotated[
        bool, typer.Option("--effects", help="What each choice costs or gains in accuracy, instead of the Pareto set.")
    ] = False,
    output: OutputOption = None,
) -> None:
    """Show the Pareto set of a run, or the effects of its choices."""
    with user_errors():
        from results.columns import model_column
        from search.cli.effects import check_effects, print_effects
        from search.cli.opened_run import opened_run
        from search.cli.tables import print_front

        opened = opened_run(run)
        if effects:
            check_effects(x, by, rung)
            print_effects(opened.effects(y), format_, output)
        else:
            ranked = y or opened.y
            ranked = model_column(ranked) if by == "model" else ranked
            print_front(opened.front(x, y, by, rung), x or opened.x, ranked, format_, output)
            _note_rung(opened, rung)


def _note_rung(run: "Run", rung: int | None = None) -> None:
    """Where a run has several rungs, say on stderr which one a front is of."""
    if len(run.rungs) > 1:
        others = " and ".join(str(one) for one in run.rungs)
        typer.echo(
            f"This is the front at rung {run.rung if rung is None else rung}; the run has rungs {others}.", err=True
        )


def report(
    run: RunArgument,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="The HTML file; RUN/report.html by default.")
    ] = None,
    data: DataOption = None,
) -> None:
    """Write a run, finished or not, as one HTML page: front, layers, effects, losses, detections, limits."""
    with user_errors():
        from search.cli.opened_run import opened_run
        from search.cli.progress import terminal_progress
        from search.stages.report import run_report

        opened_run(run)  # says on stderr if more trials may follow
        written = run_report(run, output, absolute(data), terminal_progress(sys.stderr))
        typer.echo(f"The report is {written}. Open it in a browser; it needs no network.")
