"""`openvino`: a graph of OpenVINO's operators whose 1-bit layers run on its kernels for bits."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainers.detector_file import DetectorFile
from trainers.export.exporter import Detect, Exporter
from trainers.export.graphs.refusals import check_installed, check_one_stage, check_operators, check_squares

# What imports OpenVINO is imported inside functions: it is an extra, and takes a second.


def check(detector: DetectorFile) -> None:
    """See `Exporter`."""
    check_installed("openvino", {"openvino": "OpenVINO"})
    check_one_stage(detector)
    check_squares(detector)
    from trainers.export.openvino.operators import OPERATORS

    check_operators(detector, OPERATORS, "OpenVINO", "trainers/export/openvino/operators.py")


def write(path: Path, detector: DetectorFile, known: Mapping[str, Any]) -> list[Path]:
    """See `Exporter`; four files."""
    from trainers.export.openvino.files import write_files

    return write_files(path, detector, known)


def load(path: Path) -> Detect:
    """See `Exporter`."""
    from trainers.export.openvino.files import load_files

    return load_files(path)


OPENVINO = Exporter(".openvino.xml", check, write, load)
