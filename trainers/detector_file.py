"""A detector's file: its weights, and a description from which it can be built again."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from torch import Tensor, nn

from spaces.backbones.backbone import Backbone
from spaces.candidate import Candidate
from spaces.deployed.describe import describe
from spaces.deployed.packed import packed_state, unpacked_network
from spaces.deployed.rows import row_of
from spaces.detectors import DetectorSpec
from spaces.supernet import extract
from trainers.checkpoint import CheckpointError, digest_of_weights, load_weights, save_weights
from trainers.data.errors import DataError
from trainers.data.resizing import Resizing
from trainers.prediction import Picture, Prediction, PredictionSettings, predictions

KIND, PACKED = "detector", "packed detector"
PACKED_VERSION, READ_VERSIONS = 2, (1, 2)
"""Of the form of packed detectors: another form has another number. The first has the statistics of BatchNorms."""
DIGEST = "sha256"
GRAPHS = {".xml": "OpenVINO", ".bin": "OpenVINO", ".onnx": "onnxruntime"}
"""By ending what runs the exports that aren't read back."""


@dataclass(frozen=True)
class DetectorFile:
    """The content of a detector's file: the network in evaluation mode, its spec and candidate, and its class names.

    is_packed: whether it has bits in place of weights, see `save_packed`.
    """

    network: nn.Module
    spec: DetectorSpec
    candidate: Candidate
    classes: tuple[str, ...]
    is_packed: bool = False

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
        return predictions(self.network, self.classes, Resizing.of(self.spec), images, settings, on_unreadable)


def save_detector(
    path: Path, network: nn.Module, spec: DetectorSpec, candidate: Candidate, class_names: tuple[str, ...]
) -> None:
    """Save one fixed detector: its weights, its spec and candidate, and the names of its classes."""
    save_weights(path, network.state_dict(), {"kind": KIND, **_description(spec, candidate, class_names)})


def save_packed(path: Path, detector: DetectorFile, known: Mapping[str, Any]) -> None:
    """Save a detector with its weights of few bits packed; docs/reference/packed.md describes the file.

    `load_detector` reads it back to a network that computes the same to the bit and can't be trained. known: what else
    the header shall have, such as figures and costs. Raises UndescribedError for a layer that can't be told.
    """
    tensors = packed_state(detector.network)
    backbone = cast(Backbone, detector.network.get_submodule("backbone"))
    description = {
        "kind": PACKED,
        "version": PACKED_VERSION,
        **_description(detector.spec, detector.candidate, detector.classes),
        "normalisation": {"mean": backbone.image_mean, "std": backbone.image_std},
        "layers": {name: row_of(layer) for name, layer in describe(detector.network).items()},
        **known,
    }
    save_weights(path, tensors, description | {DIGEST: digest_of_weights(tensors, description)})


def load_detector(path: Path | str) -> DetectorFile:
    """The detector that `save_detector` or `save_packed` wrote. Raises CheckpointError for any other file."""
    path = Path(path)
    try:
        state, description = load_weights(path)
    except CheckpointError as error:
        if path.is_file() and (runtime := GRAPHS.get(path.suffix)):
            raise CheckpointError(
                f"{path} is a graph for {runtime}, which Bitfront only writes. Give the .safetensors file that it "
                "was exported from: the export compared its detections with the graph's."
            ) from error
        raise
    spec, candidate, classes = read_description(path, description)
    is_packed = description["kind"] == PACKED
    if is_packed:
        _check_packed(path, state, description)
    build = unpacked_network if is_packed else extract
    try:
        return DetectorFile(build(state, spec, candidate), spec, candidate, classes, is_packed)
    except (ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path} does not fit the detector that it names: {error}") from error


def read_description(path: Path, description: dict[str, Any]) -> tuple[DetectorSpec, Candidate, tuple[str, ...]]:
    """The detector that a checkpoint describes. Raises CheckpointError when this version can't build it."""
    if description.get("kind") not in (KIND, PACKED):
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


def _description(spec: DetectorSpec, candidate: Candidate, class_names: tuple[str, ...]) -> dict[str, Any]:
    return {"detector": spec.described(), "candidate": dict(candidate), "classes": list(class_names)}


def _check_packed(path: Path, tensors: Mapping[str, Tensor], description: Mapping[str, Any]) -> None:
    """Raise CheckpointError for another version's file, and for content that isn't what was written.

    A latent weight that is damaged is often no number; bits are always some weight.
    """
    if (version := description.get("version")) not in READ_VERSIONS:
        known = " and ".join(map(str, READ_VERSIONS))
        raise CheckpointError(
            f"{path} is a packed detector of version {version!r}; this Bitfront reads {known}. "
            "Read it with the version that wrote it, or export the checkpoint again."
        )
    content = {key: value for key, value in description.items() if key != DIGEST}
    if description.get(DIGEST) != digest_of_weights(tensors, content):
        raise CheckpointError(f"{path} is damaged: it isn't what was written. Export the checkpoint again.")
