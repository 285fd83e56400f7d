"""A trained detector in a run: its file, its candidate, and its figures on the test images beside its twin's."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from results import layout
from search.config.schema import TWIN
from search.plan.teachers import PlannedTeacher
from search.run.digests import not_as_written
from search.run.folder import read_json
from search.stages.best_weights import Best, best_of, keep_best, measured_again
from search.stages.candidate_training import CandidateTraining, TrainedCandidate
from search.stages.measuring import Spread, classes_as_plain, curves_as_plain, measure, sizes_as_plain
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

    settings: how it was trained; epochs, seed and start are among them. `twin_test` is empty where no twin was trained.
    `teachers_test` has the figures of its other teachers by name. teachers_epochs: how long twin and teachers were
    trained; None for those that were given as files. best: the weights that validations found best, if there were any.
    """

    id: str
    checkpoint: Path
    test: dict[str, float]
    twin_test: dict[str, float]
    costs: dict[str, float]
    teachers_test: Figures
    settings: Mapping[str, Any]
    teachers_epochs: Mapping[str, int | None]
    best: Best | None = None


def result_on(
    training: CandidateTraining,
    test: Decoded,
    pool: Mapping[str, PlannedTeacher],
    beside: Callable[[], Figures],
    spread: Spread,
) -> Result:
    """The result that `keep_result` left; measured anew where its figures are of other test images.

    pool: the teachers. `beside` gives the figures of those that it is compared with, asked only then. Raises RunError
    as `check_result` does.
    """
    place = training.place
    kept, file = check_result(place), place / layout.DETECTOR
    if kept["test_images"] != test.fingerprint():
        try:
            network = load_detector(file).network
        except CheckpointError as error:
            raise not_as_written(file, place) from error
        kept |= _figures(place, network, test, beside(), spread)
        if "validation" in kept:
            kept["validation"] = measured_again(place, kept["validation"], test, spread)
        write_whole(place / layout.RESULT_FIGURES, json.dumps(kept, indent=2).encode())
    others = kept.get("teachers_test", {})  # which older results have not
    compared = [*([TWIN] if kept["twin_test"] else []), *others]
    return Result(
        id=kept["id"],
        checkpoint=file,
        test=kept["test"],
        twin_test=kept["twin_test"],
        costs=kept["costs"],
        teachers_test=others,
        settings=training.result_settings,
        teachers_epochs={name: None if pool[name].given else pool[name].section.epochs for name in compared},
        best=best_of(place, kept),
    )


def check_result(place: Path) -> dict[str, Any]:
    """The content of `figures.json`. Raises RunError if the detector's sha256 differs from the one recorded with it."""
    kept, file = read_json(place / layout.RESULT_FIGURES), place / layout.DETECTOR
    if not file.is_file() or kept.get("sha256") not in (None, digest_of(file)):  # older results have no digest
        raise not_as_written(file, place)
    return kept


def keep_result(
    training: CandidateTraining,
    trained: TrainedCandidate,
    spec: DetectorSpec,
    test: Decoded,
    beside: Callable[[], Figures],
    spread: Spread,
) -> None:
    """Measure a trained detector and keep it with the figures of its teachers; `result_on` reads it back."""
    place, candidate, network = training.place, training.candidate, trained.network
    file = place / layout.DETECTOR
    save_detector(file, network, spec, candidate, test.class_names)
    blank = torch.zeros(3, *spec.input_size, device=next(network.parameters()).device)
    kept = {
        "id": candidate.id,
        "candidate": dict(candidate),
        "settings": training.result_settings,
        **_figures(place, network, test, beside(), spread),
        "costs": totals(layer_costs(network, [blank])).as_dict(),
        "sha256": digest_of(file),
    }
    if trained.validated is not None:
        kept["validation"] = keep_best(place, network, trained.validated, spec, candidate, test, spread)
    write_whole(place / layout.RESULT_CANDIDATE, f"{candidate.to_json()}\n".encode())
    write_whole(place / layout.RESULT_FIGURES, json.dumps(kept, indent=2).encode())


def _figures(place: Path, network: nn.Module, test: Decoded, teachers: Figures, spread: Spread) -> dict[str, Any]:
    """The figures on these images; the curves are written beside."""
    measured = measure(network, test, spread)
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
