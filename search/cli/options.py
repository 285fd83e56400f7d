"""Arguments and options that several commands have, with the choices that typer lists and checks.

Nothing that takes long is imported here: `bitfront --help` must start at once.
"""

import math
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from trainers.data.formats import FORMATS


class Format(StrEnum):
    """How rows are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"
    MARKDOWN = "markdown"
    LATEX = "latex"

    @property
    def for_people(self) -> bool:
        return self in (Format.TABLE, Format.MARKDOWN, Format.LATEX)


if TYPE_CHECKING:
    DataFormat = str
else:  # typer lists the choices of a Literal
    DataFormat = Literal[tuple(name for name, form in FORMATS.items() if form.generate is None)]


def _positive(value: float) -> float:
    if not 0 < value < math.inf:
        raise typer.BadParameter(f"{value:g} is not a positive, finite number.")
    return value


def _share(value: float) -> float:
    if not 0 <= value <= 1:
        raise typer.BadParameter(f"{value:g} is not from 0 to 1.")
    return value


ConfigArgument = Annotated[str, typer.Argument(metavar="CONFIG", help="A YAML file, or a preset such as demo.")]
RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder, such as runs/demo.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="A value instead of the config's, e.g. search.trials=50. Repeatable."
    ),
]
DataOption = Annotated[Path | None, typer.Option("--data", metavar="ROOT", help="The data's folder: see data.root.")]
FormatOption = Annotated[Format, typer.Option("--format", help="How to write the rows.")]
EvaluationFormat = Literal["table", "json", "csv"]
"""How an evaluation is written; `--format` is the data's there."""
EvaluationFormatOption = Annotated[EvaluationFormat, typer.Option("--format-output", help="How to write the figures.")]
OutputOption = Annotated[Path | None, typer.Option("--output", "-o", help="A file to write to instead of stdout.")]
DataFormatOption = Annotated[
    DataFormat | None, typer.Option("--format", help="The data's format, if it can't be found out.")
]
SetAnnotationsOption = Annotated[
    Path | None, typer.Option("--annotations", help="The file or folder of the set's annotations.")
]
SetImagesOption = Annotated[Path | None, typer.Option("--images", help="The folder of the set's images.")]
FollowLinksOption = Annotated[
    bool, typer.Option("--follow-links", help="Links in the data may lead outside its folder, as into a cache.")
]
YearOption = Annotated[str, typer.Option(help="The year in the folder VOC<year>, or years as in 2007+2012.")]
OnBadDataOption = Annotated[
    Literal["error", "skip"], typer.Option(help="Whether a bad image ends the command, or is skipped.")
]
MemoryLimitOption = Annotated[
    float,
    typer.Option(
        callback=_positive, help="The most memory that the decoded images may take, in MB. More are decoded as needed."
    ),
]
LoaderWorkersOption = Annotated[
    int | None,
    typer.Option(min=0, help="Processes that decode images beyond that memory; by default half of the cores, 1 to 8."),
]
DeviceOption = Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="auto is the GPU where there is one.")]
ScoreOption = Annotated[float, typer.Option(callback=_share, help="The least score of a box, from 0 to 1.")]
PickOption = Annotated[Literal["knee"] | None, typer.Option(help="The knee of the front.")]
ByOption = Annotated[
    Literal["score", "model"], typer.Option(help="Compare accuracies by score, or by the linear model of all scores.")
]


def absolute(path: Path | None) -> Path | None:
    """The path as seen from any folder."""
    return path.resolve() if path is not None else None
