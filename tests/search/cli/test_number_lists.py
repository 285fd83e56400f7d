"""Options that take several values behind one name."""

from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from search.cli.number_lists import SpreadCommand, repeated


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("run --seeds 0 1 2 -n 5", "run --seeds 0 --seeds 1 --seeds 2 -n 5"),
        ("--seeds 0 1 run --seeds 3", "--seeds 0 --seeds 1 run --seeds 3"),
        ("plan --only a b --set x=1 y=2", "plan --only a --only b --set x=1 --set y=2"),
        ("plan --workers 2 3", "plan --workers 2 3"),
        ("--seeds", "--seeds"),
        ("", ""),
    ],
)
def test_each_value_gets_the_options_name(words, found):
    assert repeated(words.split(), {"--seeds", "--only", "--set"}) == found.split()


def test_only_options_that_are_shown_with_dots_take_several_values():
    app = typer.Typer()

    @app.command(cls=SpreadCommand)
    def show(
        run: str,
        seeds: Annotated[list[int], typer.Option(metavar="SEED ...")],
        candidate: Annotated[list[str], typer.Option(metavar="ID")],
    ) -> None:
        typer.echo(f"{run} {seeds} {candidate}")

    shown = CliRunner().invoke(app, ["--candidate", "ab", "--candidate", "12", "run", "--seeds", "0", "1"])
    assert shown.stdout == "run [0, 1] ['ab', '12']\n"
