"""The command that trains a detector's backbone as an image classifier."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from search.cli.options import ConfigArgument, SetOption, absolute
from search.cli.training_options import AGAIN
from search.cli.user_errors import user_errors

if TYPE_CHECKING:
    from search.stages.pretrain import Pretrained


def pretrain(
    config: ConfigArgument,
    layers: Annotated[
        str | None,
        typer.Option(metavar="METHOD", help="One method for all layers, such as react, instead of pretrain.layers."),
    ] = None,
    run_dir: Annotated[Path | None, typer.Option(help="The run's folder; runs/NAME by default.")] = None,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="ROOT", help="The pictures' folder: see pretrain.data.root.")
    ] = None,
    set_: SetOption = None,
) -> None:
    """Train the student's backbone as a classifier, for detectors to start from. Run it again to go on."""
    with user_errors(AGAIN):
        from search.config import load_config

        overrides = [*(set_ or []), *([f"pretrain.layers={layers}"] if layers is not None else [])]
        loaded = load_config(config, overrides)  # before the imports that take seconds, as in `search`

        from search.cli.progress import terminal_progress
        from search.run.folder import default_folder
        from search.stages.pretrain import run_pretrain

        folder = (run_dir or default_folder(loaded.name)).resolve()
        _print(run_pretrain(loaded, folder, absolute(data), terminal_progress(sys.stderr)))


def _print(found: "Pretrained") -> None:
    from search.cli.tables import print_rows

    rows = [{"network": "the backbone", **_rounded(found.figures)}]
    if found.teacher is not None:
        rows.append({"network": "its real-valued teacher", **_rounded(found.teacher)})
    print_rows(rows)
    typer.echo(
        f"Measured on the pictures of val. The backbone is {found.backbone}. A detector starts from it with "
        f"--set student.weights={found.backbone} --set train.start=scratch."
    )


def _rounded(figures: dict[str, float]) -> dict[str, str]:
    return {name: f"{share:.4f}" for name, share in figures.items()}
