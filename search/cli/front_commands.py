"""The command that shows what a search found, or several searches."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from search.cli.options import ByOption, Format, FormatOption, OutputOption
from search.cli.user_errors import user_errors

if TYPE_CHECKING:
    from results import Comparison, Run


def front(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="The folder of a run, or of several.")],
    format_: FormatOption = Format.TABLE,
    x: Annotated[str | None, typer.Option(help="The cost. Default: the search's own.")] = None,
    y: Annotated[str | None, typer.Option(help="The accuracy. Default: the search's own.")] = None,
    by: ByOption = "score",
    rung: Annotated[int | None, typer.Option(help="The rung whose scores count. Default: the highest.")] = None,
    effects: Annotated[
        bool, typer.Option("--effects", help="What each choice costs or gains in accuracy, instead of the Pareto set.")
    ] = False,
    latency_table: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Give each candidate its latency_ms, from a file of bitfront latency."),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the front too, or all of several runs: .png, .svg, .pdf.")
    ] = None,
    output: OutputOption = None,
) -> None:
    """Show the Pareto set of a run, or the effects of its choices; of several runs their fronts side by side."""
    with user_errors():
        from results.columns import model_column
        from search.cli.effects import check_effects, print_effects
        from search.cli.tables import print_front

        if len(runs) > 1:
            _check_several(by, rung, effects=effects)
            _show_several(_opened(runs, x, latency_table), (x, y), format_, plot, output)
            return
        if effects:
            check_effects(x, by, rung)
            print_effects(_opened(runs, None, None)[0].effects(y), format_, output)
            return
        [opened] = _opened(runs, x, latency_table)
        ranked = y or opened.y
        ranked = model_column(ranked) if by == "model" else ranked
        shown = opened.front(x, y, by, rung)
        if plot is not None:
            opened.plot(plot, x, y, rung=rung)
        print_front(shown, x or opened.x, ranked, format_, output)
        note_rung(opened, rung)


def note_rung(run: "Run", rung: int | None = None) -> None:
    """Where a run has several rungs, say on stderr which one a front is of."""
    if len(run.rungs) > 1:
        others = " and ".join(str(one) for one in run.rungs)
        typer.echo(
            f"This is the front at rung {run.rung if rung is None else rung}; the run has rungs {others}.", err=True
        )


def _opened(runs: Sequence[Path], x: str | None, table: Path | None) -> "list[Run]":
    """The runs, with times from a table. Raises RunError where times are asked for and a run has none."""
    from search.cli.opened_run import opened_run
    from search.errors import RunError

    opened = [opened_run(run) for run in runs]
    if table is not None:
        from search.stages.given_times import with_latency

        return [with_latency(run, table) for run in opened]
    without = [str(run.path) for run in opened if x == "latency_ms" and x not in run.trials]
    if without:
        raise RunError(
            f"{', '.join(without)} has no {x}: its search had no table of times. Give one, a file that "
            "`bitfront latency` wrote or another run's latency_table.json: --latency-table FILE."
        )
    return opened


def _check_several(by: str, rung: int | None, *, effects: bool) -> None:
    """Raises RunError for what only a single run has."""
    from search.errors import RunError

    named = {"--effects": effects, "--by": by != "score", "--rung": rung is not None}
    given = [option for option, is_given in named.items() if is_given]
    if given:
        raise RunError(f"{given[0]} is about one run, and several were named. Leave it out, or name one run.")


def _show_several(
    opened: "Sequence[Run]", axes: tuple[str | None, str | None], form: Format, plot: Path | None, output: Path | None
) -> None:
    from results import compare
    from search.cli.tables import front_row, print_frame

    found = compare(opened, *axes)
    if plot is not None:
        found.plot(plot)
    rows = [{"run": row["run"], **front_row(row, found.x, found.y)} for _, row in found.fronts.iterrows()]
    print_frame(found.fronts, rows, form, output)
    for note in found.notes:
        typer.echo(note, err=True)
    if form is Format.TABLE and output is None:
        typer.echo("\n".join(_lines(found)))


def _lines(found: "Comparison") -> list[str]:
    """A sentence for each run."""
    worst = ", ".join(f"{name} {value:.4g}" for name, value in found.reference.items())
    lines = [
        f"{row['run']}: {row['front_size']} on its front, hypervolume {row['hypervolume']:.4g} up to {worst}."
        for _, row in found.runs.iterrows()
    ]
    return lines + [
        f"{row['by']} beats {100 * row['dominated']:.0f} % of the front of {row['front']}."
        for _, row in found.dominance.iterrows()
    ]
