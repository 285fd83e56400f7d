"""The weights that a training's validations found best, kept beside its last ones, with their figures."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from results import layout
from search.run.digests import not_as_written
from search.run.folder import RunFolder
from search.stages.measuring import Spread, figures_on
from spaces.candidate import ALL_REAL, Candidate
from spaces.detectors import DetectorSpec
from spaces.supernet import build_fixed
from trainers.checkpoint import CheckpointError
from trainers.data.decoded import Decoded
from trainers.detector_file import load_detector, save_detector
from trainers.training.validation import Validated
from trainers.whole_files import digest_of, write_whole


@dataclass(frozen=True)
class Best:
    """A detector as its validations found it best: its file, after how many epochs, its figures on `data.test`."""

    checkpoint: Path
    epoch: int
    test: dict[str, float]


def keep_best(
    place: Path,
    network: nn.Module,
    validated: Validated,
    spec: DetectorSpec,
    candidate: Candidate,
    test: Decoded,
    spread: Spread,
) -> dict[str, Any]:
    """Keep the best weights of a candidate's training in its place; `network` has them afterwards.

    Returns what `figures.json` has of them: the figures of each validation, and of the best weights on `data.test`.
    """
    file = place / layout.BEST_DETECTOR
    network.load_state_dict(validated.weights)
    save_detector(file, network, spec, candidate, test.class_names)
    return {**validated.as_plain(), "test": figures_on(network, test, spread), "sha256": digest_of(file)}


def measured_again(place: Path, kept: Mapping[str, Any], test: Decoded, spread: Spread) -> dict[str, Any]:
    """What `keep_best` returned, with figures on other test images. Raises RunError for a file that was replaced."""
    file = place / layout.BEST_DETECTOR
    if not file.is_file() or kept["sha256"] != digest_of(file):
        raise not_as_written(file, place)
    try:
        return {**kept, "test": figures_on(load_detector(file).network, test, spread)}
    except CheckpointError as error:
        raise not_as_written(file, place) from error


def best_of(place: Path, kept: Mapping[str, Any]) -> Best | None:
    """The best detector in a place with these figures; None without validation."""
    found = kept.get("validation")
    return None if found is None else Best(place / layout.BEST_DETECTOR, found["best_epoch"], found["test"])


def keep_best_teacher(
    run: RunFolder, name: str, validated: Validated | None, spec: DetectorSpec, classes: tuple[str, ...]
) -> None:
    """Keep the best weights of a teacher's training and the figures of its validations, or remove those of another."""
    file = run.path / layout.TEACHERS / layout.BEST_TEACHERS / f"{name}.safetensors"
    if validated is None:
        for path in (file, file.with_suffix(".json")):
            path.unlink(missing_ok=True)
        return
    network = build_fixed(spec, ALL_REAL)
    network.load_state_dict(validated.weights)
    save_detector(file, network, spec, ALL_REAL, classes)
    write_whole(file.with_suffix(".json"), json.dumps(validated.as_plain(), indent=2).encode())
