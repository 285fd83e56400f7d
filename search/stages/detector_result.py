"""A trained detector in a run: its file, its candidate, and its figures on the test images beside its twin's."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import torch
from torch import nn

from results import layout
from search.config.schema import TWIN
from search.run.digests import not_as_written
from search.run.folder import read_json
from search.stages.measuring import classes_as_plain, curves_as_plain, measure, sizes_as_plain
from spaces.candidate import Candidate
from spaces.cost import layer_costs, totals
from spaces.detectors import DetectorSpec
from trainers.checkpoint import CheckpointError
from trainers.data.decoded import Decoded
from trainers.detector_file import load_detector, save_detector
from trainers.whole_files import digest_of, write_whole

Figures = dict[str, dict[str, float]]
"""Average precisions in 0..1 by network and measure."""


@dataclass(frozen=True)
class Result:
    """A trained detector: its file, and its figures on `data.test` beside those of its real-valued twin.

    `twin_test` is empty where no twin was trained. `teachers_test` has the figures of its other teachers by name.
    """

    id: str
    checkpoint: Path
    test: dict[str, float]
    twin_test: dict[str, float]
    costs: dict[str, float]
    teachers_test: Figures


def place_for(folder: Path, candidate_id: str, settings: Mapping[str, Any]) -> Path:
    """Where a result of these settings lies or is to lie: `<id>`, or `<id>.2` and so on beside those of other settings.

    The figures are written last, so a place without them is free.
    """
    places = (folder / (candidate_id if n == 1 else f"{candidate_id}.{n}") for n in count(1))
    return next(place for place in places if _is_free_or_of(place / layout.RESULT_FIGURES, settings))


def is_finished(place: Path) -> bool:
    """Whether a result lies there."""
    return (place / layout.RESULT_FIGURES).is_file()


def result_on(place: Path, test: Decoded, beside: Callable[[], Figures]) -> Result:
    """The result that `keep_result` left there; measured anew where its figures are of other test images.

    `beside` gives those of its teachers, asked only then. Raises RunError as `check_result` does.
    """
    kept, file = check_result(place), place / layout.DETECTOR
    if kept["test_images"] != test.fingerprint():
        try:
            network = load_detector(file).network
        except CheckpointError as error:
            raise not_as_written(file, place) from error
        kept |= _figures(place, network, test, beside())
        write_whole(place / layout.RESULT_FIGURES, json.dumps(kept, indent=2).encode())
    others = kept.get("teachers_test", {})  # which older results have not
    return Result(kept["id"], file, kept["test"], kept["twin_test"], kept["costs"], others)


def check_result(place: Path) -> dict[str, Any]:
    """The content of `figures.json`. Raises RunError if the detector's sha256 differs from the one recorded with it."""
    kept, file = read_json(place / layout.RESULT_FIGURES), place / layout.DETECTOR
    if not file.is_file() or kept.get("sha256") not in (None, digest_of(file)):  # older results have no digest
        raise not_as_written(file, place)
    return kept


def keep_result(
    place: Path,
    network: nn.Module,
    spec: DetectorSpec,
    candidate: Candidate,
    settings: Mapping[str, Any],
    test: Decoded,
    beside: Callable[[], Figures],
) -> None:
    """Measure a trained detector and keep it with the figures of its teachers; `result_on` reads it back."""
    file = place / layout.DETECTOR
    save_detector(file, network, spec, candidate, test.class_names)
    blank = torch.zeros(3, spec.image_size, spec.image_size, device=next(network.parameters()).device)
    kept = {
        "id": candidate.id,
        "candidate": dict(candidate),
        "settings": dict(settings),
        **_figures(place, network, test, beside()),
        "costs": totals(layer_costs(network, [blank])).as_dict(),
        "sha256": digest_of(file),
    }
    write_whole(place / layout.RESULT_CANDIDATE, f"{candidate.to_json()}\n".encode())
    write_whole(place / layout.RESULT_FIGURES, json.dumps(kept, indent=2).encode())


def _figures(place: Path, network: nn.Module, test: Decoded, teachers: Figures) -> dict[str, Any]:
    """The figures on these images; the curves are written beside."""
    measured = measure(network, test)
    write_whole(place / layout.RESULT_CURVES, json.dumps(curves_as_plain(measured)).encode())
    others = {name: figures for name, figures in teachers.items() if name != TWIN}
    return {
        "test": measured.figures,
        "test_sizes": sizes_as_plain(measured),
        "test_classes": classes_as_plain(measured),
        "twin_test": teachers.get(TWIN, {}),
        "teachers_test": others,
        "test_images": test.fingerprint(),
    }


def _is_free_or_of(figures: Path, settings: Mapping[str, Any]) -> bool:
    return not figures.is_file() or read_json(figures).get("settings") == dict(settings)
