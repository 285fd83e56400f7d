"""Retraining: a candidate as a network of its own, trained with its own teachers and measured on `data.test`."""

from functools import partial
from pathlib import Path

import torch
from torch import nn

from results import layout
from search.config import Config
from search.config.schema import TWIN
from search.plan.teaching import ensemble_of
from search.run.folder import RunFolder
from search.stages.candidate_training import described, forget_training, train_candidate
from search.stages.detector_result import Result, keep_result, place_for, result_on
from search.stages.prepare import Prepared
from search.stages.teacher_figures import teachers_on
from search.stages.teachers import build_distiller
from spaces.candidate import Candidate
from spaces.supernet import extract
from trainers.data.decoded import Decoded
from trainers.devices import pick_device
from trainers.progress import Progress
from trainers.seeding import seeded


def retrain_candidate(
    config: Config, folder: RunFolder, prepared: Prepared, candidate: Candidate, test: Decoded, progress: Progress
) -> Result:
    """Start from the supernet's weights, train on `data.train`, measure on `data.test`, keep in `retrained/<id>/`.

    A result of the same settings is read instead of made again; one of other settings stays, and the new one stands
    beside it in `retrained/<id>.2/` and so on. Raises DivergedError when a loss isn't finite.
    """
    settings = described(config.retrain)
    place = place_for(folder.path / layout.RETRAINED, candidate.id, settings)
    ensemble = ensemble_of(config)
    taught = candidate.terms().values()
    shown = {TWIN, *(name for one in taught for name in ensemble.behind(one.teacher))}
    teachers = {name: teacher.network for name, teacher in prepared.teachers.items() if name in shown}
    beside = partial(teachers_on, test, config, folder, teachers)
    if not (place / "figures.json").is_file():
        network = _trained(config, folder, prepared, candidate, place, progress)
        keep_result(place, network, prepared.spec, candidate, settings, test, beside)
        forget_training(folder, "retrain", candidate)
    return result_on(place, test, beside)


def _trained(
    config: Config, folder: RunFolder, prepared: Prepared, candidate: Candidate, place: Path, progress: Progress
) -> nn.Module:
    torch.manual_seed(seeded(config.seed, "retrain"))
    device = pick_device(config.device)
    network = extract(prepared.state.supernet, prepared.spec, candidate).to(device)
    distiller = build_distiller(config, network, prepared.teachers).to(device)
    distiller.load_state_dict(prepared.state.distiller)
    return train_candidate(
        network,
        distiller,
        candidate,
        prepared.train,
        config.retrain,
        described(config.retrain),
        command="retrain",
        place=place,
        seed=config.seed,
        folder=folder,
        progress=progress,
    )
