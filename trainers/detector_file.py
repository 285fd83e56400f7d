"""A detector's file: its weights, and a description from which it can be built again."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import nn

from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec
from spaces.supernet import extract
from trainers.checkpoint import CheckpointError, load_weights, save_weights


def save_detector(
    path: Path, network: nn.Module, spec: DetectorSpec, candidate: Candidate, class_names: tuple[str, ...]
) -> None:
    """Save one fixed detector: its weights, its spec and candidate, and the names of its classes."""
    description = {
        "kind": "detector",
        "detector": asdict(spec),
        "candidate": dict(candidate),
        "classes": list(class_names),
    }
    save_weights(path, network.state_dict(), description)


@dataclass(frozen=True)
class DetectorFile:
    """The content of a detector's file: the network in evaluation mode, its spec and candidate, and its class names."""

    network: nn.Module
    spec: DetectorSpec
    candidate: Candidate
    classes: tuple[str, ...]


def load_detector(path: Path) -> DetectorFile:
    """The detector that `save_detector` wrote. Raises CheckpointError for any other file."""
    state, description = load_weights(path)
    spec, candidate, classes = read_description(path, description)
    try:
        return DetectorFile(extract(state, spec, candidate), spec, candidate, classes)
    except (ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path} does not fit the detector that it names: {error}") from error


def read_description(path: Path, description: dict[str, Any]) -> tuple[DetectorSpec, Candidate, tuple[str, ...]]:
    """The detector that a checkpoint describes. Raises CheckpointError when this version can't build it."""
    if description.get("kind") != "detector":
        raise CheckpointError(
            f"{path} holds a {description.get('kind', 'thing of unknown kind')}, not a detector. "
            "Give a teacher's or a retrained detector's .safetensors file."
        )
    try:
        spec = DetectorSpec(**description["detector"])
        candidate = Candidate(dict(description["candidate"]))
        classes = tuple(str(name) for name in description["classes"])
        if len(classes) != spec.num_classes:
            raise ValueError(f"{len(classes)} class names for {spec.num_classes} classes.")
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} describes no detector that this version can build: {error}") from error
    return spec, candidate, classes
