"""The commands for a trained detector."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from search.cli.options import (
    DataFormatOption,
    DataOption,
    DeviceOption,
    EvaluationFormatOption,
    FollowLinksOption,
    MemoryLimitOption,
    OnBadDataOption,
    YearOption,
    absolute,
)
from search.cli.user_errors import user_errors


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
    detections: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A JSON file for what was detected, as COCO's results.")
    ] = None,
    format_output: EvaluationFormatOption = "table",
) -> None:
    """Measure a detector on an image set, by the rules of the data's format: figures, sizes, classes, curves, pace."""
    with user_errors():
        from search.cli.evaluation_tables import print_evaluation
        from search.cli.progress import terminal_progress
        from search.stages.evaluate import Reading, run_evaluate
        from trainers.data.layout import NamedFiles

        files = [{split: path.resolve()} if path is not None else {} for path in (annotations, images)]
        reading = Reading(
            root=absolute(data),
            split=split,
            format=format_,
            year=year,
            named=NamedFiles(*files),
            follow_links=follow_links,
            on_bad_data=on_bad_data,
            memory_limit_mb=memory_limit_mb,
        )
        progress = terminal_progress(sys.stderr)
        measured = run_evaluate(checkpoint.resolve(), reading, device, progress, absolute(detections))
        print_evaluation(measured, format_output)
