"""An exported detector's files: the graph and its weights, the anchors, and how all of it is read."""

import io
import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from spaces.candidate import Candidate
from spaces.deployed.describe import describe
from spaces.detectors import Detections, DetectorSpec
from spaces.detectors.resizing import sizes_of
from spaces.detectors.single_stage import SingleStage
from spaces.supernet import build_fixed
from trainers.detector_file import DetectorFile
from trainers.export.exporter import Detect
from trainers.export.openvino.checks import check_kernels, check_layers, check_outputs
from trainers.export.openvino.graph import Graph, build_graph
from trainers.export.openvino.machine import settings
from trainers.export.openvino.runtime import compiled, save, version
from trainers.export.openvino.walk import Walked, responses, walk
from trainers.whole_files import write_whole


def write_files(path: Path, detector: DetectorFile, known: Mapping[str, Any]) -> list[Path]:
    """Write NAME.openvino.xml with .bin, .npy (anchors) and .json, once the graph was found to compute what torch does.

    path: of the first. Raises WrongExportError if it doesn't, and then nothing is written.
    """
    layers, walked = describe(detector.network), walk(detector)
    transform = cast(SingleStage, detector.network).transform
    mean, std = (list(map(float, one)) for one in (transform.image_mean, transform.image_std))
    graph = build_graph(walked.tape, layers, mean, std, walked.names)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "graph.xml"
        save(graph.model, made)
        ready = compiled(made, settings())
        check_kernels(ready, graph)
        off = {
            "layers": check_layers(walked.tape, layers, settings()),
            "outputs": check_outputs(ready(walked.picture), walked.outputs),
        }
        weights, structure = made.with_suffix(".bin").read_bytes(), made.read_bytes()
    side = detector.spec.image_size
    image = {"shape": [1, side, side, 3], "type": "uint8", "colours": "RGB", "mean": mean, "std": std}
    about = _description(detector, walked, graph) | {"input": image, "largest_differences": off} | dict(known)
    np.save(anchors := io.BytesIO(), walked.responses.anchors.numpy())
    content = {  # the graph comes last: it never stands there without what belongs to it
        ".json": json.dumps(about, indent=1).encode(),
        ".npy": anchors.getvalue(),
        ".bin": weights,
        ".xml": structure,
    }
    for suffix, part in content.items():
        write_whole(path.with_suffix(suffix), part)
    return [path.with_suffix(suffix) for suffix in reversed(content)]


def load_files(path: Path) -> Detect:
    """Runs an exported detector, one picture after the other; its network's own decoding turns outputs to detections.

    An image of another size is resized as in torch. Values are rounded to whole 255ths.
    """
    about = json.loads(path.with_suffix(".json").read_text())
    anchors = torch.from_numpy(np.load(path.with_suffix(".npy"), allow_pickle=False))
    with torch.device("meta"):  # it decodes, and needs no weights for that
        network = build_fixed(DetectorSpec(**about["detector"]), Candidate(about["candidate"])).eval()
    decoder = cast(SingleStage, network)
    ready = compiled(path, settings())

    def detect(images: list[Tensor]) -> list[Detections]:
        found = []
        for image in images:
            made = ready(_picture(image, decoder))
            outputs = {name: torch.from_numpy(made[name].copy()) for name in about["outputs"]["names"]}
            read = responses(outputs, anchors, about["outputs"]["reading"])
            found += decoder.decode(read, sizes_of([image]))
        return found

    return detect


def convolutions(graph: Graph) -> dict[str, int]:
    """How many convolutions run on what. A layer that several levels share is counted for each."""
    kinds = {"bits": graph.bits, "bytes": graph.bytes, "floats": graph.floats}
    return kinds | {"binary_as_floats": graph.binary_as_floats}


def _description(detector: DetectorFile, walked: Walked, graph: Graph) -> dict[str, Any]:
    return {
        "kind": "openvino detector",
        "detector": asdict(detector.spec),
        "candidate": dict(detector.candidate),
        "classes": list(detector.classes),
        "openvino": version,
        "outputs": {"names": walked.names, "reading": walked.reading},
        "convolutions": convolutions(graph),
    }


def _picture(image: Tensor, network: SingleStage) -> Any:
    """(1, S, S, 3) uint8 of an image [3, H, W] in 0..1."""
    if tuple(image.shape[-2:]) != tuple(network.transform.fixed_size):
        image = network.transform.resize(image)[0]
    whole = (image * 255).round().clamp(0, 255).to(torch.uint8)
    return np.ascontiguousarray(whole.permute(1, 2, 0)[None].numpy())
