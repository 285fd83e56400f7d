"""The commands for a trained detector."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from search.cli.options import (
    DataFormatOption,
    DataOption,
    DeviceOption,
    EvaluationFormatOption,
    FollowLinksOption,
    LoaderWorkersOption,
    MemoryLimitOption,
    OnBadDataOption,
    ScoreOption,
    SetAnnotationsOption,
    SetImagesOption,
    YearOption,
    absolute,
)
from search.cli.user_errors import user_errors

UNREADABLE = 1


def evaluate(
    checkpoint: Annotated[Path, typer.Argument(help="The .safetensors file of a teacher or a trained detector.")],
    data: DataOption = None,
    format_: DataFormatOption = None,
    split: Annotated[str, typer.Option(help="The image set to measure on.")] = "test",
    year: YearOption = "2007",
    annotations: SetAnnotationsOption = None,
    images: SetImagesOption = None,
    follow_links: FollowLinksOption = False,
    on_bad_data: OnBadDataOption = "error",
    memory_limit_mb: MemoryLimitOption = 4096.0,
    loader_workers: LoaderWorkersOption = None,
    device: DeviceOption = "auto",
    workers: Annotated[
        int, typer.Option(min=1, help="Processes that share the images, each with a GPU or its part of the cores.")
    ] = 1,
    detections: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A JSON file for what was detected, as COCO's results.")
    ] = None,
    format_output: EvaluationFormatOption = "table",
) -> None:
    """Measure a detector on an image set, by the rules of the data's format: figures, sizes, classes, curves, pace."""
    with user_errors():
        from search.cli.evaluation_tables import print_evaluation
        from search.cli.image_set import reading_of
        from search.cli.progress import terminal_progress
        from search.stages.evaluate import run_evaluate

        reading = reading_of(
            data,
            split,
            (annotations, images),
            form=format_,
            year=year,
            follow_links=follow_links,
            on_bad_data=on_bad_data,
        )
        limited = replace(reading, memory_limit_mb=memory_limit_mb, loader_workers=loader_workers)
        progress = terminal_progress(sys.stderr)
        measured = run_evaluate(checkpoint.resolve(), limited, device, progress, absolute(detections), workers)
        print_evaluation(measured, format_output)


def predict(
    checkpoint: Annotated[Path, typer.Argument(help="The .safetensors file of a teacher or a trained detector.")],
    pictures: Annotated[list[str], typer.Argument(metavar="IMAGE|FOLDER|GLOB...", help="Pictures of any size.")],
    score: ScoreOption = 0.3,
    max_boxes: Annotated[
        int | None, typer.Option(min=1, help="The most boxes of a picture; the detector's own number by default.")
    ] = None,
    draw: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A folder for copies with the boxes drawn in.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files in the folder of --draw.")] = False,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="A file of COCO's results.")] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures that go through the network at once.")] = 8,
    device: DeviceOption = "auto",
) -> None:
    """Find objects in pictures of your own. Exit with 1 if one can't be read: the others are done all the same."""
    with user_errors():
        from search.cli.predictions import PredictionPrinter, prediction_progress
        from search.stages.predict import Outputs, run_predict
        from trainers.prediction import PredictionSettings

        settings = PredictionSettings(score=score, max_boxes=max_boxes, batch_size=batch_size)
        outputs, show = Outputs(draw, json, overwrite), PredictionPrinter(sys.stdout)
        progress = prediction_progress(sys.stdout, sys.stderr)
        unreadable = run_predict(checkpoint, pictures, settings, outputs, device, show, progress)
        if unreadable:
            progress.note(f"Pictures that could not be read: {unreadable}")
    if unreadable:
        raise typer.Exit(UNREADABLE)
