"""A classifier's file: a backbone and its head, and a description from which they can be built again."""

from dataclasses import dataclass
from pathlib import Path

from spaces.candidate import Candidate
from spaces.classifier import PART, Classifier, build_classifier
from spaces.detectors import DetectorSpec
from spaces.published.pretrained import TrainedBackbone
from spaces.starting import learnt
from trainers.checkpoint import CheckpointError, load_weights, save_weights
from trainers.file_format import CLASSIFIER


@dataclass(frozen=True)
class ClassifierFile:
    """The content of a classifier's file: the network in evaluation mode, and what it is.

    spec: a detector of the same backbone, of which detector and width count. image_size: the pixels of a side that it
    was trained at. classes: their names, in the order of the scores.
    """

    network: Classifier
    spec: DetectorSpec
    candidate: Candidate
    image_size: int
    classes: tuple[str, ...]

    @property
    def backbone(self) -> TrainedBackbone:
        """The backbone alone, as detectors start from it."""
        tensors, methods = learnt(self.network.get_submodule(PART))
        title = f"a classifier on the {PART} of {self.spec.detector} of width {self.spec.width:g}"
        return TrainedBackbone(tensors, methods, title)


def save_classifier(path: Path, content: ClassifierFile) -> None:
    """Save a classifier: its weights, its backbone's detector and candidate, and the names of its classes."""
    description = {
        "kind": CLASSIFIER,
        "detector": content.spec.described(),
        "candidate": dict(content.candidate),
        "image_size": content.image_size,
        "classes": list(content.classes),
    }
    save_weights(path, content.network.state_dict(), description)


def load_classifier(path: Path) -> ClassifierFile:
    """The classifier that `save_classifier` wrote. Raises CheckpointError for any other file."""
    state, description = load_weights(path)
    if description.get("kind") != CLASSIFIER:
        kind = description.get("kind", "thing of unknown kind")
        raise CheckpointError(f"{path} holds a {kind}, not a classifier. Give a file of `bitfront pretrain`.")
    try:
        spec = DetectorSpec(**description["detector"])
        candidate = Candidate(dict(description["candidate"]))
        size, classes = int(description["image_size"]), tuple(str(name) for name in description["classes"])
        network = build_classifier(spec, candidate, len(classes))
        network.load_state_dict(state)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path} describes no classifier that this version can build: {error}") from error
    return ClassifierFile(network.eval(), spec, candidate, size, classes)
