"""The commands. Each parses its options, calls one function and prints what it returns."""

import importlib.metadata
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from search.cli.comparison_commands import compare, fidelity
from search.cli.data_commands import data_app
from search.cli.number_lists import SpreadCommand
from search.cli.options import (
    ByOption,
    ConfigArgument,
    DataFormatOption,
    DataOption,
    DeviceOption,
    FollowLinksOption,
    Format,
    FormatOption,
    MemoryLimitOption,
    OnBadDataOption,
    OutputOption,
    PickOption,
    RunArgument,
    SetOption,
    YearOption,
)
from search.cli.user_errors import user_errors

if TYPE_CHECKING:
    from results import Run
    from search.stages.detector_result import Result

# Commands import inside their functions: `bitfront --help` must not wait for torch, Ray and pandas.
app = typer.Typer(
    name="bitfront",
    no_args_is_help=True,
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(data_app)


@app.callback()
def bitfront(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
) -> None:
    """Search for 1-bit object detectors: the Pareto set of accuracy against bit-operations."""
    if version:
        typer.echo(importlib.metadata.version("bitfront"))
        raise typer.Exit


@app.command()
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
        outcome = run_search(loaded, folder.resolve(), _absolute(data), terminal_progress(sys.stderr))
        print_front(outcome.run.front(), outcome.run.x, outcome.run.y)
        _note_rung(outcome.run)
        typer.echo(
            f"The front is in {folder}: front.csv, front.json, front.parquet, front.png; all trials in trials.parquet."
        )
        if outcome.retrained is not None:
            _print_result(outcome.retrained, "retrained")


@app.command()
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


@app.command()
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
        result = run_retrain(run.resolve(), chosen, epochs, _absolute(data), terminal_progress(sys.stderr))
        _print_result(result, "retrained")


@app.command()
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
        _print_result(run_train(loaded, folder, _absolute(data), terminal_progress(sys.stderr)), "trained")


@app.command()
def evaluate(
    checkpoint: Annotated[Path, typer.Argument(help="The .safetensors file of a teacher or a trained detector.")],
    data: DataOption = None,
    format_: DataFormatOption = None,
    split: Annotated[str, typer.Option(help="The image set to measure on.")] = "test",
    year: YearOption = "2007",
    annotations: Annotated[Path | None, typer.Option(help="The file or folder of the set's annotations.")] = None,
    images: Annotated[Path | None, typer.Option(help="The folder of the set's images.")] = None,
    follow_links: FollowLinksOption = False,
    on_bad_data: OnBadDataOption = "error",
    memory_limit_mb: MemoryLimitOption = 4096.0,
    device: DeviceOption = "auto",
) -> None:
    """Measure a detector on an image set: average precisions, by the rules of the data's format."""
    with user_errors():
        from search.cli.progress import terminal_progress
        from search.cli.tables import print_rows
        from search.stages.evaluate import Reading, run_evaluate
        from trainers.data.layout import NamedFiles

        files = [{split: path.resolve()} if path is not None else {} for path in (annotations, images)]
        reading = Reading(
            root=_absolute(data),
            split=split,
            format=format_,
            year=year,
            named=NamedFiles(*files),
            follow_links=follow_links,
            on_bad_data=on_bad_data,
            memory_limit_mb=memory_limit_mb,
        )
        print_rows([run_evaluate(checkpoint.resolve(), reading, device, terminal_progress(sys.stderr))])


@app.command()
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
            ends = cost_range(config, set_ or [], _absolute(data), layers, candidate)
            rows, summary = ends.rows, ends.summary()
        else:
            chosen = costed(config, set_ or [], _absolute(data), layers, candidate)
            rows = cost_rows(chosen.detector, chosen.candidate)
            summary = cost_summary(chosen, rows)
        print_rows(rows, format_, output)
        if format_ is Format.TABLE and output is None:
            typer.echo(summary)


app.command(cls=SpreadCommand)(fidelity)
app.command(cls=SpreadCommand)(compare)


def main() -> None:
    """The console entry. Exits with 2 on a user's mistake, with 130 on Ctrl-C, with 1 and a traceback on a bug."""
    app()


def _note_rung(run: "Run", rung: int | None = None) -> None:
    """Where a run has several rungs, say on stderr which one a front is of."""
    if len(run.rungs) > 1:
        others = " and ".join(str(one) for one in run.rungs)
        typer.echo(
            f"This is the front at rung {run.rung if rung is None else rung}; the run has rungs {others}.", err=True
        )


def _print_result(result: "Result", how: str) -> None:
    from search.cli.tables import print_rows

    rows = [{"detector": f"{how} {result.id}", **result.test}]
    if result.twin_test:
        rows.append({"detector": "its real-valued twin", **result.twin_test})
    rows += [{"detector": f"its teacher {name}", **figures} for name, figures in result.teachers_test.items()]
    print_rows(rows)
    typer.echo(f"Measured on the test images. The {how} detector is {result.checkpoint}.")


def _absolute(path: Path | None) -> Path | None:
    return path.resolve() if path is not None else None


if __name__ == "__main__":
    main()
