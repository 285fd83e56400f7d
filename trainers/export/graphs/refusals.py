"""What can't be exported as a graph: said before anything is written."""

from collections.abc import Collection
from importlib.util import find_spec

from spaces.deployed.describe import UndescribedError, describe
from spaces.deployed.tape import LAYER, needed
from spaces.detectors.contract import is_two_stage
from trainers.detector_file import DetectorFile
from trainers.export.exporter import ExportError
from trainers.export.graphs.walk import walk


def check_installed(extra: str, libraries: dict[str, str]) -> None:
    """Raise ExportError unless these can be imported. libraries: their names by module. extra: of pyproject.toml."""
    if missing := [name for module, name in libraries.items() if find_spec(module) is None]:
        verb = "isn't" if len(missing) == 1 else "aren't"
        raise ExportError(f"{' and '.join(missing)} {verb} installed. Install: pip install '.[{extra}]'.")


def check_one_stage(detector: DetectorFile) -> None:
    """Raise ExportError for a detector of two stages."""
    if is_two_stage(detector.network):
        raise ExportError(
            f"{detector.spec.detector} has two stages. A graph of fixed sizes can't hold the second one, which runs on "
            "as many proposals as the first one finds. Detectors of one stage can be exported; --to packed takes all."
        )


def check_squares(detector: DetectorFile) -> None:
    """Raise ExportError for a detector of images in their own shape."""
    if (longest := detector.spec.longest) is not None:
        raise ExportError(
            f"it takes images in their own shape, up to {detector.spec.image_size} x {longest} pixels (data.resize: "
            "shortest_edge), and a graph has one input size. Detectors that were trained with squash or letterbox can "
            "be exported; --to packed takes all."
        )


def check_operators(detector: DetectorFile, operators: Collection[str], title: str, table: str) -> None:
    """Raise ExportError for a layer that can't be described, and for an operator between layers that isn't known.

    operators: torch's names of those known. title: of what runs the graph. table: the file that has them.
    """
    try:
        describe(detector.network)
        steps = needed(walk(detector).tape)
    except UndescribedError as error:
        raise ExportError(str(error)) from error
    if unknown := sorted({step.operator for step in steps} - {LAYER, *operators}):
        raise ExportError(
            f"it computes {', '.join(unknown)} between its layers, which `OPERATORS` in {table} has no operator of "
            f"{title} for."
        )
