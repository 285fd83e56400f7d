"""An exported detector's files: the graph and its weights, with what all graphs have beside them."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spaces.deployed.describe import describe
from trainers.detector_file import DetectorFile
from trainers.export.exporter import Detect
from trainers.export.graphs.checks import check_layers, check_outputs
from trainers.export.graphs.files import companions, detecting, normalisation, write_parts
from trainers.export.graphs.walk import walk
from trainers.export.openvino.checks import check_kernels, run_layers
from trainers.export.openvino.graph import Graph, build_graph
from trainers.export.openvino.machine import settings
from trainers.export.openvino.runtime import compiled, save, version

TITLE = "OpenVINO"


def write_files(path: Path, detector: DetectorFile, known: Mapping[str, Any]) -> list[Path]:
    """Write NAME.openvino.xml with .bin, .npy (anchors) and .json, once the graph was found to compute what torch does.

    path: of the first. Raises WrongExportError if it doesn't, and then nothing is written.
    """
    layers, walked = describe(detector.network), walk(detector)
    graph = build_graph(walked.tape, layers, *normalisation(detector), walked.names)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "graph.xml"
        save(graph.model, made)
        ready = compiled(made, settings())
        check_kernels(ready, graph)
        off = {
            "layers": check_layers(walked.tape, layers, run_layers, TITLE),
            "outputs": check_outputs([ready(picture) for picture in walked.pictures], walked.outputs, TITLE),
        }
        parts = {".xml": made.read_bytes(), ".bin": made.with_suffix(".bin").read_bytes()}
    about = {
        "kind": "openvino detector",
        "openvino": version,
        "convolutions": convolutions(graph),
        "largest_differences": off,
        **known,
    }
    return write_parts(path.with_suffix(""), parts | companions(detector, walked, about))


def load_files(path: Path) -> Detect:
    """Runs an exported detector, see `detecting`."""
    return detecting(path.with_suffix(""), compiled(path, settings()))


def convolutions(graph: Graph) -> dict[str, int]:
    """How many convolutions run on what. A layer that several levels share is counted for each."""
    kinds = {"bits": graph.bits, "bytes": graph.bytes, "floats": graph.floats}
    return kinds | {"binary_as_floats": graph.binary_as_floats}
