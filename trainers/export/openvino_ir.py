"""`openvino`: a graph of OpenVINO's operators whose 1-bit layers run on its kernels for bits."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from spaces.deployed.describe import UndescribedError, describe
from spaces.detectors.contract import is_two_stage
from trainers.detector_file import DetectorFile
from trainers.export.exporter import Detect, Exporter, ExportError

# What imports OpenVINO is imported inside functions: it is an extra, and takes a second.


def check(detector: DetectorFile) -> None:
    """See `Exporter`."""
    if find_spec("openvino") is None:
        raise ExportError("OpenVINO isn't installed. Install it: pip install '.[openvino]'.")
    if is_two_stage(detector.network):
        raise ExportError(
            f"{detector.spec.detector} has two stages. A graph of fixed sizes can't hold the second one, which runs on "
            "as many proposals as the first one finds. Detectors of one stage can be exported; --to packed takes all."
        )
    from trainers.export.openvino.graph import unknown_operators
    from trainers.export.openvino.walk import walk

    try:
        describe(detector.network)
        unknown = unknown_operators(walk(detector).tape)
    except UndescribedError as error:
        raise ExportError(str(error)) from error
    if unknown:
        raise ExportError(
            f"it computes {', '.join(unknown)} between its layers, which `OPERATORS` in "
            "trainers/export/openvino/operators.py has no operator of OpenVINO for."
        )


def write(path: Path, detector: DetectorFile, known: Mapping[str, Any]) -> list[Path]:
    """See `Exporter`; four files."""
    from trainers.export.openvino.files import write_files

    return write_files(path, detector, known)


def load(path: Path) -> Detect:
    """See `Exporter`."""
    from trainers.export.openvino.files import load_files

    return load_files(path)


OPENVINO = Exporter(".openvino.xml", check, write, load)
