"""`packed`: one bit for each binary weight, in a file that torch reads back to the bit."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from spaces.deployed.describe import UndescribedError, describe
from spaces.detectors import Detections
from trainers.detector_file import DetectorFile, load_detector, save_packed
from trainers.export.exporter import Detect, Exporter, ExportError


def check(detector: DetectorFile) -> None:
    """See `Exporter`."""
    try:
        describe(detector.network)
    except UndescribedError as error:
        raise ExportError(str(error)) from error


def write(path: Path, detector: DetectorFile, known: Mapping[str, Any]) -> list[Path]:
    """See `Exporter`; one file."""
    save_packed(path, detector, known)
    return [path]


def load(path: Path) -> Detect:
    """See `Exporter`."""
    network = load_detector(path).network

    @torch.no_grad()
    def detect(images: list[Tensor]) -> list[Detections]:
        detections: list[Detections] = network(images).detections
        return detections

    return detect


PACKED = Exporter(".packed.safetensors", check, write, load, exact=True)
