"""The command that writes trained detectors for devices."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from search.cli.options import (
    DataFormatOption,
    DataOption,
    FollowLinksOption,
    OnBadDataOption,
    SetAnnotationsOption,
    SetImagesOption,
    YearOption,
)
from search.cli.user_errors import user_errors

if TYPE_CHECKING:
    from search.stages.export import Exported


def export(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="CHECKPOINT|RUN",
            help="A trained detector's .safetensors file, or a run's folder: all that it has retrained or trained.",
        ),
    ],
    to: Annotated[str, typer.Option(metavar="TARGET", help="What to write: packed, openvino or onnx.")] = "packed",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="The folder; beside the checkpoint by default.")
    ] = None,
    test_vectors: Annotated[
        bool,
        typer.Option(
            "--test-vectors", help="Besides: what each layer makes of some inputs, and a numpy script for it."
        ),
    ] = False,
    check_images: Annotated[int, typer.Option(min=1, help="On how many images to compare with torch.")] = 8,
    data: DataOption = None,
    format_: DataFormatOption = None,
    split: Annotated[str, typer.Option(help="The image set to compare on, where there is one.")] = "test",
    year: YearOption = "2007",
    annotations: SetAnnotationsOption = None,
    images: SetImagesOption = None,
    follow_links: FollowLinksOption = False,
    on_bad_data: OnBadDataOption = "error",
) -> None:
    """Write a trained detector for a device, and compare it with torch: on random images, or on those of --data."""
    with user_errors():
        from search.cli.image_set import reading_of
        from search.stages.export import first_images, random_images, run_export, run_export_front

        reading = reading_of(
            data,
            split,
            (annotations, images),
            form=format_,
            year=year,
            follow_links=follow_links,
            on_bad_data=on_bad_data,
        )
        given = any(path is not None for path in (data, annotations, images))
        compared = first_images(reading, check_images) if given else random_images(check_images)
        if source.is_dir():
            exported = run_export_front(source, to, output, compared, test_vectors=test_vectors)
        else:
            exported = [run_export(source, to, output, compared, test_vectors=test_vectors)]
        _print(exported)


def _print(exported: "list[Exported]") -> None:
    from search.cli.tables import print_rows

    accuracies = [name for name in ("map50", "ap") if any(name in one.test for one in exported)]
    print_rows([_row(one, accuracies) for one in exported])
    for one in exported:
        typer.echo(f"Wrote {', '.join(map(str, one.files))}.")


def _row(exported: "Exported", accuracies: list[str]) -> dict[str, object]:
    found = exported.differences
    return {
        "detector": exported.name,
        **{name: exported.test.get(name, "") for name in accuracies},
        "size_mb": exported.size_mb,
        "checkpoint_mb": exported.checkpoint_mb,
        **{name: exported.costs[name] for name in ("bit_ops", "ops")},
        "memory_mb": exported.costs["memory_bits"] / 8e6,
        "images": found.images,
        "detections": found.detections,
        "unmatched": found.unmatched,
        "off_pixels": found.boxes,
        "off_scores": found.scores,
    }
