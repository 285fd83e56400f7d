"""What `bitfront evaluate` prints: tables for people, JSON or CSV for programs."""

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import typer

from results.text_tables import Row
from search.cli.options import EvaluationFormat, Format
from search.cli.tables import emit, print_rows

if TYPE_CHECKING:
    from search.stages.measuring import Measured

ALL = "all"
"""In place of a class."""


def print_evaluation(measured: "Measured", form: EvaluationFormat) -> None:
    """Write an evaluation to stdout."""
    if form == "json":
        emit(f"{json.dumps(_as_plain(measured), indent=2)}\n".encode(), Format.JSON, None)
        return
    classes = [_class_row(measured, name) for name in measured.classes]
    if form == "csv":
        sizes = {name: "" if math.isnan(value) else value for name, value in measured.sizes.items()}
        all_classes = {"class": ALL, "objects": _objects(measured), **measured.figures, **sizes}
        rows = [row | dict.fromkeys(sizes, "") | {"images_per_second": ""} for row in classes]
        print_rows([all_classes | {"images_per_second": measured.images_per_second}, *rows], Format.CSV)
        return
    print_rows([measured.figures])
    print_rows([_readable(measured.sizes)])
    print_rows(classes)
    typer.echo(
        f"{measured.images_per_second:.1f} images a second on {measured.device}: the network and the decoding of its "
        "outputs, in batches of 32 (images of their own shapes one by one). Reading images is not in it."
    )


def _as_plain(measured: "Measured") -> dict[str, object]:
    from search.stages.measuring import classes_as_plain, curves_as_plain, sizes_as_plain

    figures = {name: None if math.isnan(value) else value for name, value in measured.figures.items()}
    return {
        "images": len(measured.detections),
        "objects": _objects(measured),
        "figures": figures,
        "sizes": sizes_as_plain(measured),
        "classes": classes_as_plain(measured),
        "curves": curves_as_plain(measured),
        "images_per_second": measured.images_per_second,
        "device": measured.device,
    }


def _class_row(measured: "Measured", name: str) -> dict[str, object]:
    one = measured.classes[name]
    return {"class": name, "objects": one.objects, **one.figures}


def _objects(measured: "Measured") -> int:
    return sum(one.objects for one in measured.classes.values())


def _readable(figures: Mapping[str, float]) -> Row:
    return {name: "-" if math.isnan(value) else f"{value:.4f}" for name, value in figures.items()}
