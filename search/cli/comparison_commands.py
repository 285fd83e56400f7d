"""The commands that train networks to compare them: with their scores, with rivals, with the other arms of a plan."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from search.cli.options import DataOption, Format, FormatOption, OutputOption, RunArgument, SetOption, absolute
from search.cli.training_options import (
    AGAIN,
    AddressOption,
    EpochsOption,
    PrecisionOption,
    SeedsOption,
    StartOption,
    Trained,
    Work,
    WorkersOption,
    trained,
    work,
)
from search.cli.user_errors import user_errors

if TYPE_CHECKING:
    from results.rivals import Rivals


def fidelity(
    run: RunArgument,
    candidates: Annotated[int, typer.Option("-n", "--candidates", help="Candidates that are spread over cost.")] = 20,
    epochs: EpochsOption = None,
    start: StartOption = "supernet",
    seeds: SeedsOption = None,
    variants: Annotated[
        int, typer.Option(help="More candidates, which differ from one of these in teachers and weights alone.")
    ] = 6,
    adaptations: Annotated[int, typer.Option(help="How often each is scored again, on other images.")] = 2,
    precision: PrecisionOption = None,
    workers: WorkersOption = None,
    address: AddressOption = None,
    data: DataOption = None,
    format_: FormatOption = Format.TABLE,
    output: OutputOption = None,
) -> None:
    """Train some candidates of a run alone, and compare the order of its scores with theirs. Run it again to go on."""
    with user_errors(AGAIN):
        from search.cli.comparison_tables import print_fidelity
        from search.cli.opened_run import opened_run
        from search.comparison.fidelity import FidelitySettings, run_fidelity

        opened_run(run)
        asked = trained(epochs, start, seeds, precision)
        settings = FidelitySettings(candidates=candidates, variants=variants, adaptations=adaptations, **asked)
        found = run_fidelity(run.resolve(), settings, **work(workers, address, data))
        print_fidelity(found, run, format_, output)


def compare(
    what: Annotated[Path, typer.Argument(metavar="PLAN|RUN", help="A plan's YAML file; with --rivals a run's folder.")],
    rivals: Annotated[
        bool, typer.Option("--rivals", help="Train members of a run's front and networks made by hand, alike.")
    ] = False,
    seeds: SeedsOption = None,
    members: Annotated[int, typer.Option(help="With --rivals: members of the front, spread over cost.")] = 5,
    epochs: EpochsOption = None,
    start: StartOption = "supernet",
    only: Annotated[
        list[str] | None, typer.Option(metavar="COMPARISON ...", help="Of a plan: these comparisons alone.")
    ] = None,
    arms: Annotated[list[str] | None, typer.Option(metavar="ARM ...", help="Of a plan: these arms alone.")] = None,
    set_: SetOption = None,
    precision: PrecisionOption = None,
    workers: WorkersOption = None,
    address: AddressOption = None,
    data: DataOption = None,
    format_: FormatOption = Format.TABLE,
    output: OutputOption = None,
) -> None:
    """Train the arms of a plan seed by seed, or a run's front and its rivals, and compare. Run it again to go on."""
    with user_errors(AGAIN):
        if rivals:
            _refuse("a plan's", {"--only": only, "--arms": arms, "--set": set_})
            how = trained(epochs, start, seeds, precision)
            found = _trained_rivals(what, members, how, work(workers, address, data))
            from search.cli.comparison_tables import print_rivals

            print_rivals(found, what, format_, output)
        else:
            theirs: dict[str, object] = {"--epochs": epochs, "--precision": precision, "--address": address}
            _refuse("of --rivals; a plan has its own", theirs)
            rows = _trained_arms(what, (only, arms), (seeds, workers), (set_ or [], absolute(data)))
            from search.cli.tables import print_rows

            print_rows(rows, format_, output)


def _refuse(whose: str, options: dict[str, object]) -> None:
    from search.errors import RunError

    if given := [name for name, value in options.items() if value]:
        raise RunError(f"{given[0]} is {whose}. Leave it out here.")


def _trained_arms(
    file: Path,
    parts: tuple[list[str] | None, list[str] | None],
    repeated: tuple[list[int] | None, int | None],
    changed: tuple[list[str], Path | None],
) -> "list[dict[str, object]]":
    """The rows of a plan's table. Nothing here imports torch: its networks are trained in processes of their own."""
    from search.comparison.arms import read_plan
    from search.comparison.arms_training import Repetition, comparison_rows, train_plan
    from search.comparison.processes import check_seeds_and_workers
    from search.errors import RunError

    if file.is_dir():
        raise RunError(f"{file} is a folder, no plan. To compare a run's front with rivals, add --rivals.")
    seeds, workers = repeated[0] or [0, 1, 2], 1 if repeated[1] is None else repeated[1]
    check_seeds_and_workers(seeds, workers)
    plan = read_plan(file).only(*(names or () for names in parts))
    root = None if changed[1] is None else str(changed[1])
    return comparison_rows(plan, seeds, train_plan(plan, Repetition(seeds, workers, changed[0], root)))


def _trained_rivals(run: Path, members: int, how: Trained, where: Work) -> "Rivals":
    from search.cli.opened_run import opened_run
    from search.comparison.rivals_run import RivalSettings, run_rivals

    opened_run(run)
    return run_rivals(run.resolve(), RivalSettings(members=members, **how), **where)
