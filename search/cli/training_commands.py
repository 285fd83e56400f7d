"""The commands that train one network to the end."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from search.cli.options import ConfigArgument, DataOption, PickOption, RunArgument, SetOption, absolute
from search.cli.trained import print_result
from search.cli.user_errors import user_errors


def retrain(
    run: RunArgument,
    candidate: Annotated[
        str | None, typer.Option(metavar="ID", help="A candidate's id, or its first characters.")
    ] = None,
    pick: PickOption = None,
    max_ops: Annotated[
        float | None, typer.Option(metavar="N", help="The most accurate candidate with at most N operations.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="The number of epochs, instead of the config's retrain.epochs.")
    ] = None,
    data: DataOption = None,
) -> None:
    """Train one candidate of a run to the end and measure it on the test images."""
    with user_errors("The same command goes on where it stopped."):
        from search.cli.opened_run import opened_run
        from search.cli.pick import pick_candidate
        from search.cli.progress import terminal_progress
        from search.stages.search import run_retrain

        chosen = pick_candidate(opened_run(run), candidate=candidate, pick=pick, max_ops=max_ops)
        result = run_retrain(run.resolve(), chosen, epochs, absolute(data), terminal_progress(sys.stderr))
        print_result(result, "retrained")


def train(
    config: ConfigArgument,
    layers: Annotated[
        str | None,
        typer.Option(metavar="METHOD", help="One method for all layers, such as dbs, instead of train.layers."),
    ] = None,
    candidate: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A JSON file with a candidate, instead of train.layers and train.terms."),
    ] = None,
    run_dir: Annotated[Path | None, typer.Option(help="The run's folder; runs/NAME by default.")] = None,
    data: DataOption = None,
    set_: SetOption = None,
) -> None:
    """Train one network without a search and measure it beside its real-valued twin. Run it again to go on."""
    with user_errors("The same command goes on where it stopped."):
        from search.config import ConfigError, load_config

        overrides = [*(set_ or []), *([f"train.layers={layers}"] if layers is not None else [])]
        loaded = load_config(config, overrides)  # before the imports that take seconds, as in `search`

        from search.cli.candidate_file import read_candidate
        from search.cli.progress import terminal_progress
        from search.run.folder import default_folder
        from search.stages.train import run_train, with_candidate

        if candidate is not None:
            if clashing := [one for one in overrides if one.startswith(("train.layers", "train.terms"))]:
                raise ConfigError(f"--candidate was given together with {clashing[0]}. Leave one of the two out.")
            loaded = with_candidate(loaded, read_candidate(candidate))
        folder = (run_dir or default_folder(loaded.name)).resolve()
        print_result(run_train(loaded, folder, absolute(data), terminal_progress(sys.stderr)), "trained")
