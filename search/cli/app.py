"""The command line's commands, in the order in which they are listed. Each has a function in a file of its own kind.

A command parses its options, calls one function and prints what it returns.
"""

import importlib.metadata
from typing import Annotated

import typer

from search.cli.comparison_commands import compare, fidelity
from search.cli.cost_commands import cost
from search.cli.data_commands import data_app
from search.cli.detector_commands import evaluate, predict
from search.cli.export_commands import export
from search.cli.front_commands import front
from search.cli.latency_commands import latency
from search.cli.number_lists import SpreadCommand
from search.cli.preset_commands import presets
from search.cli.pretrain_commands import pretrain
from search.cli.search_commands import report, search
from search.cli.training_commands import retrain, train
from search.cli.wrong_values import PlainGroup

# Commands import inside their functions: `bitfront --help` must not wait for torch, Ray and pandas.
app = typer.Typer(
    name="bitfront",
    cls=PlainGroup,
    no_args_is_help=True,
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def bitfront(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
) -> None:
    """Search for 1-bit object detectors: the Pareto set of accuracy against bit-operations."""
    if version:
        typer.echo(importlib.metadata.version("bitfront"))
        raise typer.Exit


app.command()(search)
app.command()(front)
app.command()(report)
app.command(cls=SpreadCommand)(retrain)
app.command()(train)
app.command()(pretrain)
app.command()(evaluate)
app.command()(predict)
app.command()(export)
app.command()(cost)
app.command()(latency)
app.command(cls=SpreadCommand)(fidelity)
app.command(cls=SpreadCommand)(compare)
app.command()(presets)
app.add_typer(data_app)


def main() -> None:
    """The console entry. Exits with 2 on a user's mistake, with 130 on Ctrl-C, with 1 and a traceback on a bug."""
    app()


if __name__ == "__main__":
    main()
