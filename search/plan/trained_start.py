"""A trained detector, of layers of any methods, or a pre-trained backbone, from which one network's training starts."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from torch import nn

from search.config.schema import FIXED_STARTS, Train
from search.plan.published import Start, load_backbone
from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec
from spaces.layers.alternative import NOT_FOR_TRAINING
from spaces.published.pretrained import TrainedBackbone
from spaces.published.words import first_names
from spaces.starting import checked_start, start_from_trained
from spaces.supernet import build_fixed
from spaces.without_values import without_values
from trainers.checkpoint import CheckpointError
from trainers.classifier_file import load_classifier
from trainers.detector_file import DetectorFile, load_detector
from trainers.file_format import is_own_classifier
from trainers.whole_files import digest_of

KEY = "train.start"
COMPARED = ("detector", "width", "heads")


class FileStart(Protocol):
    """What is in the user's file, by its sha256."""

    @property
    def sha256(self) -> str: ...

    def fill(self, network: nn.Module) -> str:
        """Copy what has a place in `network` into it, and say in a line what that was."""
        ...


@dataclass(frozen=True)
class BackboneStart:
    """A backbone that `bitfront pretrain` trained, read once, and the detector that starts from it."""

    file: Path
    sha256: str
    spec: DetectorSpec
    found: TrainedBackbone

    def fill(self, network: nn.Module) -> str:
        """See `FileStart`. Raises CheckpointError for another backbone or width."""
        return load_backbone(Start(KEY, str(self.file)), network, self.spec, self.found)


@dataclass(frozen=True)
class TrainedStart:
    """The user's file, its sha256 and what is in it."""

    file: Path
    sha256: str
    found: DetectorFile

    def fill(self, network: nn.Module) -> str:
        """Copy what has a place in `network` into it, and say in a line what that was."""
        report = start_from_trained(network, self.found.network)
        methods = ", ".join(sorted(set(self.found.candidate.layers().values()))) or "real"
        text = (
            f"{len(report.taken)} of {len(report.taken) + len(report.others)} tensors from {self.file.name} ({methods})"
        )
        if not report.others:
            return text
        return f"{text}; {len(report.others)} follow from its weights or begin anew: {first_names(report.others)}"


def trained_start(
    train: Train, student: DetectorSpec, classes: tuple[str, ...], candidate: Candidate
) -> FileStart | None:
    """What `train.start` names; None where it names no file.

    student, classes, candidate: of the network that is trained. Raises CheckpointError for a file that can't be its
    start: missing, packed, or of another detector, width, heads or classes; of a backbone, of another one or width.
    """
    if train.start in FIXED_STARTS:
        return None
    path = Path(train.start)
    if is_own_classifier(path):
        return _backbone_start(path, student, candidate)
    try:
        found = load_detector(path)
    except CheckpointError as error:
        raise CheckpointError(f"{KEY}: {error} Or give {' or '.join(FIXED_STARTS)}.") from error
    if (reason := _misfit(found, student, classes, candidate)) is not None:
        raise CheckpointError(f"{KEY}: {path} can't be the start: {reason}")
    return TrainedStart(path, digest_of(path), found)


def _backbone_start(path: Path, student: DetectorSpec, candidate: Candidate) -> BackboneStart:
    """Raises CheckpointError for a damaged file, or one of another backbone or width."""
    try:
        found = load_classifier(path).backbone
    except CheckpointError as error:
        raise CheckpointError(f"{KEY}: {error}") from error
    start = BackboneStart(path, digest_of(path), student, found)
    start.fill(build_fixed(student, candidate))
    return start


def _misfit(found: DetectorFile, student: DetectorSpec, classes: tuple[str, ...], candidate: Candidate) -> str | None:
    """Why a detector can't be the start, with the way out; None if it can."""
    another = f"Give another file, or {' or '.join(FIXED_STARTS)}."
    if found.is_packed:
        return NOT_FOR_TRAINING
    for key in COMPARED:
        here, there = getattr(student, key), getattr(found.spec, key)
        if here != there:
            return f"its {key} is {there}, but the student's is {here}. {another}"
    if found.classes != classes:
        return f"it knows the classes {', '.join(found.classes)}, but the data has {', '.join(classes)}. {another}"
    with without_values():
        network = build_fixed(student, candidate)
    try:
        checked_start(network, found.network)
    except ValueError as error:  # as of an SSD for images of another size
        sizes = f"it was trained at {found.spec.image_size} pixels, data.image_size is {student.image_size}"
        return f"{error}: {sizes}. {another}"
    return None
