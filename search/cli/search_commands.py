"""The commands that search, and that write a search as a page."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from results import layout
from search.cli.options import ConfigArgument, DataOption, RunArgument, SetOption, absolute
from search.cli.trained import print_result
from search.cli.user_errors import user_errors


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

        from search.cli.front_commands import note_rung
        from search.cli.progress import terminal_progress
        from search.cli.tables import print_front
        from search.run.folder import default_folder
        from search.stages.search import run_search

        folder = run_dir or default_folder(loaded.name)
        outcome = run_search(loaded, folder.resolve(), absolute(data), terminal_progress(sys.stderr))
        print_front(outcome.run.front(), outcome.run.x, outcome.run.y)
        note_rung(outcome.run)
        typer.echo(
            f"The front is in {folder}: front.csv, front.json, front.parquet, front.png; all trials in trials.parquet."
        )
        if (folder / layout.REPORT).is_file():
            typer.echo(f"All of it is in one page: {folder / layout.REPORT}")
        if outcome.retrained is not None:
            print_result(outcome.retrained, "retrained", outcome.real)


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
