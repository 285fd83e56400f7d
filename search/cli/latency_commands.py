"""The command that measures how long layers take."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from search.cli.options import DataOption, SetOption, absolute
from search.cli.user_errors import user_errors

if TYPE_CHECKING:
    from search.stages.latency import Measured
    from trainers.export.openvino.latency import Checked


def latency(
    source: Annotated[
        str,
        typer.Argument(
            metavar="CONFIG|CHECKPOINT", help="A YAML file or a preset, or the .safetensors file of a detector."
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Keep the table, for search.latency_table."),
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often each time is measured at least.")] = 20,
    seconds: Annotated[
        float, typer.Option(min=0, help="How long layers, and then whole networks, are measured at least.")
    ] = 60.0,
    threads: Annotated[int, typer.Option(min=1, help="The threads of a network.")] = 1,
    check: Annotated[
        int, typer.Option(metavar="N", min=0, help="How many random candidates to hold the sums against.")
    ] = 20,
    data: DataOption = None,
    set_: SetOption = None,
) -> None:
    """Measure in OpenVINO how long each layer takes on this machine, and how well their sum predicts a network."""
    with user_errors():
        from search.cli.tables import print_rows
        from search.stages.latency import run_latency
        from trainers.whole_files import write_whole

        measured = run_latency(
            source, set_ or [], absolute(data), rounds=rounds, seconds=seconds, threads=threads, check=check
        )
        if output is not None:
            write_whole(output, measured.table.text().encode())
        if measured.checked:
            print_rows([_row(one) for one in measured.checked])
        typer.echo(summary(measured))
        if output is not None:
            typer.echo(f"Wrote {output}.")


def summary(measured: "Measured") -> str:
    """On what was measured, and how well the table predicts."""
    about, layers = measured.table.about, measured.table.layers
    lines = [
        f"{sum(map(len, layers.values()))} times of {len(layers)} layers from {about['graphs']} graphs; "
        f"{about['processor']}, {about['threads']} thread(s), OpenVINO {about['openvino']}, {about['clock']}."
    ]
    if measured.checked:
        tau = "" if len(measured.checked) < 2 else f", Kendall's tau {measured.tau:.2f}"
        lines.append(f"Predictions are off by {100 * measured.mean_error:.1f} % on average{tau}.")
    return "\n".join(lines)


def _row(one: "Checked") -> dict[str, object]:
    time = one.measured
    return {
        "candidate": one.candidate.id,
        "measured_ms": round(time.ms, 3),
        "quartiles_ms": f"{time.low:.3f} to {time.high:.3f}",
        "predicted_ms": round(one.predicted, 3),
        "off_percent": round(100 * (one.predicted / time.ms - 1), 1),
    }
