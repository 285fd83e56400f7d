"""Retraining: a candidate as a network of its own, trained with its own teachers and measured on `data.test`."""

import json
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any

import torch
from torch import nn

from search.config import Config
from search.prepare import Prepared
from search.run_folder import RunFolder, read_json
from search.schema import TWIN
from search.training_stage import build_distiller, train_settings
from spaces.candidate import Candidate
from spaces.cost import layer_costs, totals
from spaces.supernet import extract
from trainers.checkpoint import write_whole
from trainers.data.decoded import Decoded
from trainers.describe import load_detector, save_detector
from trainers.detector_training import pick_device, train_detector
from trainers.evaluate.coco import coco_ap
from trainers.evaluate.voc import voc_ap
from trainers.inference import detect, truths
from trainers.progress import Progress
from trainers.seeding import seeded


@dataclass(frozen=True)
class Retrained:
    """A retrained detector: its file, and its figures on `data.test` beside those of its real-valued twin."""

    id: str
    checkpoint: Path
    test: dict[str, float]
    twin_test: dict[str, float]
    costs: dict[str, float]


def retrain_candidate(
    config: Config, folder: RunFolder, prepared: Prepared, candidate: Candidate, test: Decoded, progress: Progress
) -> Retrained:
    """Start from the supernet's weights, train on `data.train`, measure on `data.test`, keep in `retrained/<id>/`.

    A result of the same settings is read instead of made again; one of other settings stays, and the new one stands
    beside it in `retrained/<id>.2/` and so on. Raises DivergedError when a loss isn't finite.
    """
    settings = asdict(train_settings(config.retrain))
    place = _place(folder, candidate.id, settings)
    checkpoint, figures = place / "detector.safetensors", place / "figures.json"
    if not figures.is_file():
        network = _trained(config, folder, prepared, candidate, progress)
        save_detector(checkpoint, network, prepared.spec, candidate, prepared.train.class_names)
        blank = torch.zeros(3, prepared.spec.image_size, prepared.spec.image_size, device=pick_device(config.device))
        measured = {
            "candidate": dict(candidate),
            "settings": settings,
            "test": figures_on(network, test),
            "twin_test": figures_on(prepared.teachers[TWIN].network, test),
            "costs": totals(layer_costs(network, [blank])).as_dict(),
        }
        write_whole(place / "candidate.json", f"{candidate.to_json()}\n".encode())
        write_whole(figures, json.dumps(measured, indent=2).encode())
        folder.training_state(f"retrain-{candidate.id}").unlink(missing_ok=True)
    kept = read_json(figures)
    return Retrained(candidate.id, checkpoint, kept["test"], kept["twin_test"], kept["costs"])


def _place(folder: RunFolder, candidate_id: str, settings: dict[str, Any]) -> Path:
    """Where a result of these settings lies or is to lie; the figures are written last, so without them it is free."""
    places = (folder.retrained(candidate_id if n == 1 else f"{candidate_id}.{n}") for n in count(1))
    return next(place for place in places if _is_free_or_of(place / "figures.json", settings))


def _is_free_or_of(figures: Path, settings: dict[str, Any]) -> bool:
    return not figures.is_file() or read_json(figures).get("settings") == settings


def _trained(
    config: Config, folder: RunFolder, prepared: Prepared, candidate: Candidate, progress: Progress
) -> nn.Module:
    torch.manual_seed(seeded(config.seed, "retrain", candidate.id))
    device = pick_device(config.device)
    network = extract(prepared.state.supernet, prepared.spec, candidate).to(device)
    distiller = build_distiller(config, network, prepared.teachers).to(device)
    distiller.load_state_dict(prepared.state.distiller)
    train_detector(
        network,
        prepared.train,
        train_settings(config.retrain),
        seed=seeded(config.seed, "retrain", candidate.id, "data"),
        stage=f"retrain {candidate.id}",
        candidate=candidate,
        distiller=distiller,
        resume_from=folder.training_state(f"retrain-{candidate.id}"),
        progress=progress,
    )
    return network.eval()


def figures_on(network: nn.Module, data: Decoded) -> dict[str, float]:
    """VOC's and COCO's average precisions on `data`, in 0..1."""
    found, expected = detect(network, data), truths(data)
    voc = voc_ap(found, expected, num_classes=len(data.class_names))
    coco = coco_ap(found, expected, num_classes=len(data.class_names))
    return {"map50": voc.map50, "map50_11": voc.map50_11, **coco}


def evaluate_checkpoint(checkpoint: Path, data: Decoded) -> dict[str, float]:
    """The figures of a detector on disk. Raises CheckpointError for a file that is none of ours."""
    network, _, _, _ = load_detector(checkpoint)
    return figures_on(network, data)
