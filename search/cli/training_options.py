"""Options of the commands that train several candidates of a run, and what all of them do with these."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypedDict

import typer

from search.cli.options import absolute

if TYPE_CHECKING:
    from trainers.progress import Progress

AGAIN = "The same command goes on where it stopped."

StartOption = Annotated[
    Literal["supernet", "twin", "scratch"], typer.Option(help="The weights that trainings start from.")
]
EpochsOption = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Epochs, instead of the config's retrain.epochs.")
]
Precision = Literal["float32", "bf16", "fp16"]
PrecisionOption = Annotated[
    Precision | None,
    typer.Option(help="Of products and maps in training, instead of the config's retrain.precision."),
]
SeedsOption = Annotated[
    list[int] | None, typer.Option(metavar="SEED ...", help="Seeds of the trainings. Default: the run's own.")
]
WorkersOption = Annotated[
    int | None, typer.Option(help="How many trainings run at the same time. Default: the run's search.workers.")
]
AddressOption = Annotated[
    str | None, typer.Option(help="HOST:PORT of a Ray cluster's head. Default: the run's search.address.")
]


class Trained(TypedDict):
    """How candidates are trained, as the settings of each command take it."""

    epochs: int | None
    start: str
    seeds: tuple[int, ...]
    precision: Precision | None


class Work(TypedDict):
    """Where trainings run, on which data, and who sees how far they are."""

    workers: int | None
    address: str | None
    data_root: Path | None
    progress: "Progress"


def trained(epochs: int | None, start: str, seeds: list[int] | None, precision: Precision | None) -> Trained:
    """The options that say how."""
    return Trained(epochs=epochs, start=start, seeds=tuple(seeds or ()), precision=precision)


def work(workers: int | None, address: str | None, data: Path | None) -> Work:
    """The options that say where. Progress is shown on stderr."""
    from search.cli.progress import terminal_progress

    return Work(workers=workers, address=address, data_root=absolute(data), progress=terminal_progress(sys.stderr))
