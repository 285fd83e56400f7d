"""A detector's file: its weights, and the description that is enough to build it again."""

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
    """Save one fixed detector: its weights, what builds it, and the names of its classes."""
    description = {
        "kind": "detector",
        "detector": asdict(spec),
        "candidate": dict(candidate),
        "classes": list(class_names),
    }
    save_weights(path, network.state_dict(), description)


@dataclass(frozen=True)
class DetectorFile:
    """A detector's file, read: the network in evaluation mode, what builds it, and the names of its classes."""

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
    """What a checkpoint says it holds. Raises CheckpointError when that isn't a detector of this version."""
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
