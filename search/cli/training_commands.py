"""The commands that train networks to the end."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from search.cli.options import (
    ConfigArgument,
    DataOption,
    Format,
    FormatOption,
    OutputOption,
    PickOption,
    RunArgument,
    SetOption,
    absolute,
)
from search.cli.trained import print_result, print_retrained
from search.cli.training_options import (
    AGAIN,
    AddressOption,
    EpochsOption,
    PrecisionOption,
    SeedsOption,
    StartOption,
    WorkersOption,
    trained,
    work,
)
from search.cli.user_errors import user_errors


def retrain(
    run: RunArgument,
    candidate: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="A candidate's id, or its first characters. Repeatable.")
    ] = None,
    pick: PickOption = None,
    max_ops: Annotated[
        float | None, typer.Option(metavar="N", help="The most accurate candidate with at most N operations.")
    ] = None,
    front_: Annotated[bool, typer.Option("--front", help="All members of the front.")] = False,
    epochs: EpochsOption = None,
    start: StartOption = "supernet",
    seeds: SeedsOption = None,
    real: Annotated[
        bool, typer.Option("--real/--no-real", help="Train the all-real candidate alike, to compare with.")
    ] = True,
    precision: PrecisionOption = None,
    workers: WorkersOption = None,
    address: AddressOption = None,
    data: DataOption = None,
    format_: FormatOption = Format.TABLE,
    output: OutputOption = None,
) -> None:
    """Train candidates of a run to the end and measure them on the test images. Run it again to go on."""
    with user_errors(AGAIN):
        from search.cli.opened_run import opened_run
        from search.cli.pick import pick_candidates
        from search.comparison.retraining import RetrainSettings, run_retrainings

        opened = opened_run(run)
        chosen = pick_candidates(opened, candidates=candidate, pick=pick, max_ops=max_ops, front=front_)
        settings = RetrainSettings(candidates=chosen, real=real, **trained(epochs, start, seeds, precision))
        found = run_retrainings(run.resolve(), settings, **work(workers, address, data))
        print_retrained(found, run, format_, output)


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
    with user_errors(AGAIN):
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
