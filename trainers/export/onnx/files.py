"""An exported detector's files: the model, with what all graphs have beside them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spaces.deployed.describe import describe
from trainers.detector_file import DetectorFile
from trainers.export.exporter import Detect
from trainers.export.graphs.checks import check_layers, check_outputs
from trainers.export.graphs.files import companions, detecting, normalisation, write_parts
from trainers.export.graphs.walk import walk
from trainers.export.onnx import builder, runtime
from trainers.export.onnx.checks import run_layers
from trainers.export.onnx.graph import IMAGE, build_graph

TITLE = "onnxruntime"


def write_files(path: Path, detector: DetectorFile, known: Mapping[str, Any]) -> list[Path]:
    """Write NAME.onnx with NAME.onnx.npy (anchors) and .json, once the model was found to compute what torch does.

    path: of the first. Raises WrongExportError if it doesn't, and then nothing is written.
    """
    layers, walked = describe(detector.network), walk(detector)
    graph = build_graph(walked.tape, layers, *normalisation(detector), walked.names)
    session = runtime.Session(graph.content)
    off = {
        "layers": check_layers(walked.tape, layers, run_layers, TITLE),
        "outputs": check_outputs([session({IMAGE: picture}) for picture in walked.pictures], walked.outputs, TITLE),
    }
    about = {
        "kind": "onnx detector",
        "onnx": builder.version,
        "onnxruntime": runtime.version,
        "opset": builder.OPSET,
        "convolutions": graph.convolutions,
        "largest_differences": off,
        **known,
    }
    return write_parts(path, {"": graph.content, **companions(detector, walked, about)})


def load_files(path: Path) -> Detect:
    """Runs an exported detector, see `detecting`."""
    session = runtime.Session(path.read_bytes())
    return detecting(path, lambda picture: session({IMAGE: picture}))
