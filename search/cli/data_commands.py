"""The commands that look at data sets."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from search.cli.options import DataFormatOption, YearOption
from search.cli.user_errors import user_errors

DEFECTS_FOUND = 1

# As in app.py, commands import inside their functions.
data_app = typer.Typer(name="data", no_args_is_help=True, help="Look at a data set.")


@data_app.command()
def check(
    root: Annotated[Path, typer.Argument(metavar="ROOT", help="The data's folder: see data.root.")],
    format_: DataFormatOption = "voc",
    year: YearOption = "2007",
    split: Annotated[list[str] | None, typer.Option(help="A split to check, instead of all. Repeatable.")] = None,
    classes: Annotated[
        str | None, typer.Option(metavar="NAME,NAME", help="All class names, if they aren't the format's own.")
    ] = None,
) -> None:
    """Read all files, count objects by class and split, and list every defect. Exit with 1 if there is one."""
    with user_errors():
        from search.cli.data_check import count_rows, defect_lines, legend, run_data_check
        from search.cli.progress import terminal_progress
        from search.cli.tables import print_rows

        names = tuple(name.strip() for name in classes.split(",")) if classes is not None else None
        checks = run_data_check(root.resolve(), format_, year, split or (), names, terminal_progress(sys.stderr))
        print_rows(count_rows(checks))
        defects = defect_lines(checks)
        has_unknown = any("unknown class" in line for line in defects) and classes is None
        hint = ["If the classes are your own, name all of them: --classes NAME,NAME"] if has_unknown else []
        typer.echo("\n".join([legend(format_), *defects, f"defects: {len(defects)}", *hint]))
    if defects:
        raise typer.Exit(DEFECTS_FOUND)
