"""`onnx`: a graph of ONNX's standard operators, with 1-bit weights packed in bytes. Small, and as fast as float."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainers.detector_file import DetectorFile
from trainers.export.exporter import Detect, Exporter
from trainers.export.graphs.refusals import check_installed, check_one_stage, check_operators, check_squares

# What imports onnx or onnxruntime is imported inside functions: they are extras.


def check(detector: DetectorFile) -> None:
    """See `Exporter`."""
    check_installed("onnx", {"onnx": "onnx", "onnxruntime": "onnxruntime"})
    check_one_stage(detector)
    check_squares(detector)
    from trainers.export.onnx.operators import OPERATORS

    check_operators(detector, OPERATORS, "ONNX", "trainers/export/onnx/operators.py")


def write(path: Path, detector: DetectorFile, known: Mapping[str, Any]) -> list[Path]:
    """See `Exporter`; three files."""
    from trainers.export.onnx.files import write_files

    return write_files(path, detector, known)


def load(path: Path) -> Detect:
    """See `Exporter`."""
    from trainers.export.onnx.files import load_files

    return load_files(path)


ONNX = Exporter(".onnx", check, write, load)
