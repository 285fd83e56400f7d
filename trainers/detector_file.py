"""A detector's file: its weights, and a description from which it can be built again."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import nn

from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec
from spaces.supernet import extract
from trainers.checkpoint import CheckpointError, load_weights, save_weights
from trainers.data.errors import DataError
from trainers.prediction import Picture, Prediction, PredictionSettings, predictions


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

    def predict(
        self,
        images: Iterable[Picture],
        *,
        score: float = 0.3,
        max_boxes: int | None = None,
        batch_size: int = 8,
        on_unreadable: Callable[[DataError], None] | None = None,
    ) -> Iterator[Prediction]:
        """What the detector finds in each image, in the image's own pixels, on the network's device.

        Images of any size: paths, images of Pillow, tensors (3, H, W) in uint8 or a float in 0..1. They are read batch
        by batch as the predictions are asked for. Boxes have a score of at least `score`; an image has at most
        `max_boxes`, by default as many as the detector keeps. An image that can't be read raises DataError, or is left
        out and handed to `on_unreadable`.
        """
        settings = PredictionSettings(score=score, max_boxes=max_boxes, batch_size=batch_size)
        return predictions(self.network, self.classes, self.spec.image_size, images, settings, on_unreadable)


def load_detector(path: Path | str) -> DetectorFile:
    """The detector that `save_detector` wrote. Raises CheckpointError for any other file."""
    path = Path(path)
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
