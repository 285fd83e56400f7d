"""The command that counts operations and memory."""

from pathlib import Path
from typing import Annotated

import typer

from search.cli.options import ConfigArgument, DataOption, Format, FormatOption, OutputOption, SetOption, absolute
from search.cli.user_errors import user_errors


def cost(
    config: ConfigArgument,
    layers: Annotated[
        str | None, typer.Option(metavar="METHOD", help="One method for all layers, such as dbs.")
    ] = None,
    candidate: Annotated[Path | None, typer.Option(metavar="FILE", help="A JSON file with a candidate.")] = None,
    range_: Annotated[
        bool, typer.Option("--range", help="The cheapest and the dearest candidate of the config's space.")
    ] = False,
    data: DataOption = None,
    set_: SetOption = None,
    format_: FormatOption = Format.TABLE,
    output: OutputOption = None,
) -> None:
    """Count operations and memory, layer by layer, for one image and the classes of the data.

    Without --layers, --candidate or --range: of the network that the config's `train` section trains, or of the
    all-real one.
    """
    with user_errors():
        from search.cli.cost_range import cost_range
        from search.cli.costs import cost_rows, cost_summary, costed
        from search.cli.tables import print_rows

        if range_:
            ends = cost_range(config, set_ or [], absolute(data), layers, candidate)
            rows, summary = ends.rows, ends.summary()
        else:
            chosen = costed(config, set_ or [], absolute(data), layers, candidate)
            rows = cost_rows(chosen)
            summary = cost_summary(chosen, rows)
        print_rows(rows, format_, output)
        if format_ is Format.TABLE and output is None:
            typer.echo(summary)
