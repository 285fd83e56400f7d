"""The commands that look at data sets."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from search.cli.options import DataFormatOption, FollowLinksOption, YearOption
from search.cli.user_errors import user_errors

DEFECTS_FOUND = 1

# As in app.py, commands import inside their functions.
data_app = typer.Typer(name="data", no_args_is_help=True, help="Look at a data set.")


@data_app.command()
def check(
    root: Annotated[
        Path | None, typer.Argument(metavar="[ROOT]", help="The data's folder. Leave it out if all files are named.")
    ] = None,
    format_: DataFormatOption = None,
    year: YearOption = "2007",
    split: Annotated[list[str] | None, typer.Option(help="A split to check, instead of all. Repeatable.")] = None,
    classes: Annotated[
        str | None, typer.Option(metavar="NAME,NAME", help="All class names, if they aren't the format's own.")
    ] = None,
    annotations: Annotated[
        list[str] | None,
        typer.Option(metavar="SET=PATH", help="The file or folder of a set's annotations. Repeatable."),
    ] = None,
    images: Annotated[
        list[str] | None, typer.Option(metavar="SET=PATH", help="The folder of a set's images. Repeatable.")
    ] = None,
    follow_links: FollowLinksOption = False,
) -> None:
    """Read all files, count objects by class and split, and list every defect. Exit with 1 if there is one."""
    with user_errors():
        from search.cli.data_check import (
            chosen_splits,
            class_lines,
            count_rows,
            defect_lines,
            hints,
            legend,
            named_files,
            remark_lines,
            shared_lines,
            without_repetition,
        )
        from search.cli.progress import terminal_progress
        from search.cli.tables import print_rows
        from trainers.data.check import check_split
        from trainers.data.finding import find_sets

        names = tuple(name.strip() for name in classes.split(",")) if classes is not None else None
        named = named_files(annotations or (), images or ())
        sets = find_sets(root.resolve() if root is not None else None, format_, year, named, follow_links)
        splits = chosen_splits(sets, split or (), names)
        typer.echo("\n".join([sets.reading(one) for one in splits]))
        progress = terminal_progress(sys.stderr)
        checks = [check_split(sets, one, names, progress) for one in splits]
        print_rows(count_rows(checks))
        defects = [*defect_lines(checks), *shared_lines(sets, splits, split or ())]
        listed = without_repetition(defects, classes is not None)
        lines = [legend(sets.form), *listed, f"defects: {len(defects)}", *hints(defects, checks, classes is not None)]
        lines += [*remark_lines(checks), *(class_lines(sets, splits) if names is None else [])]
        typer.echo("\n".join(lines))
    if defects:
        raise typer.Exit(DEFECTS_FOUND)
