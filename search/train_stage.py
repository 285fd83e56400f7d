"""Training one network without a search: a fixed choice for every layer, with its own teachers and loss weights."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from search.candidate_training import described, forget_training, train_candidate
from search.config import Config, ConfigError
from search.detector_result import Result, figures_on, place_for, save_result, stored_result
from search.prepare import PreparedData, note_defects, prepare_data
from search.run_folder import RunFolder, check_run_folder, open_run_folder
from search.run_lock import RunLock
from search.schema import TWIN
from search.space_builder import layer_roots, student_spec
from search.splits import class_names, load_measured, settled
from search.training_stage import check_given_weights, distiller_for, teacher_pool
from spaces.candidate import Candidate
from spaces.supernet import build_fixed, inherit_shared
from trainers.detector_training import pick_device
from trainers.progress import Progress
from trainers.scorer import Teacher
from trainers.seeding import seeded


def fixed_candidate(config: Config) -> Candidate:
    """The candidate that a config's `train` section names."""
    train, layers = config.train, config.train.layers
    if isinstance(layers, str):
        layers = dict.fromkeys(layer_roots(student_spec(config, len(class_names(config)))), layers)
    choices: dict[str, str | float] = {f"layer/{prefix}": method for prefix, method in layers.items()}
    for name, term in train.terms.items():
        choices |= {f"teacher/{name}": term.teacher, f"weight/{name}": term.weight}
    return Candidate(choices)


def run_train(
    config: Config, run_dir: Path, data_root: Path | None, progress: Progress, candidate: Candidate | None = None
) -> Result:
    """Train the twin, then the network that `config.train` or `candidate` names, and measure both on `data.test`.

    The same trainer as a retraining's; here the network starts from its twin, or from nothing (`train.start`). Goes on
    where an earlier start stopped, and keeps the result in `trained/<id>/`. Raises ConfigError for layers that the
    detector doesn't have, and what `run_search` raises for folder, data and teachers.
    """
    config = settled(config, data_root)
    chosen = candidate if candidate is not None else fixed_candidate(config)
    spec = student_spec(config, len(class_names(config)))
    try:
        with torch.device("meta"):
            build_fixed(spec, chosen)
    except ValueError as error:
        raise ConfigError(f"train.layers: {error}") from error
    check_given_weights(config)
    check_run_folder(run_dir, config)
    with RunLock(run_dir):
        folder = open_run_folder(run_dir, config)
        data = prepare_data(config, folder, progress, {"train": config.train})
        teachers = teacher_pool(config, folder, data.train, data.val, progress)
        test = load_measured(config, folder, config.data.test)
        note_defects(folder, {config.data.test: test}, progress)
        settings = {**described(config.train), "start": config.train.start}
        place = place_for(folder.path / "trained", chosen.id, settings)
        if not (place / "figures.json").is_file():
            with folder.timed(f"train {chosen.id}"):
                network = _trained(config, folder, data, teachers, chosen, settings, progress)
            twin = figures_on(teachers[TWIN].network, test)
            classes = data.train.class_names
            save_result(place, network, spec, chosen, classes, settings, figures_on(network, test), twin)
            forget_training(folder, "train", chosen)
    return stored_result(place)


def _trained(
    config: Config,
    folder: RunFolder,
    data: PreparedData,
    teachers: dict[str, Teacher],
    candidate: Candidate,
    settings: Mapping[str, object],
    progress: Progress,
) -> nn.Module:
    torch.manual_seed(seeded(config.seed, "train", candidate.id))
    device = pick_device(config.device)
    network = build_fixed(student_spec(config, len(data.train.class_names)), candidate).to(device)
    if config.train.start == "twin":
        inherit_shared(network, teachers[TWIN].network.state_dict())
    terms = {name: [str(candidate[f"teacher/{name}"])] for name in _terms_of(candidate)}
    distiller = distiller_for(network, teachers, terms).to(device)
    return train_candidate(
        network,
        distiller,
        candidate,
        data.train,
        config.train,
        settings,
        command="train",
        seed=config.seed,
        folder=folder,
        progress=progress,
    )


def _terms_of(candidate: Candidate) -> list[str]:
    return [key.partition("/")[2] for key, value in candidate.items() if key.startswith("teacher/") and value != "none"]
