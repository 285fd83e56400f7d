"""Training one network without a search: a fixed choice for every layer, with its own teachers and loss weights."""

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch
from torch import nn

from results import layout
from search.config import Config, ConfigError, with_section
from search.config.schema import TWIN
from search.plan.given_weights import given_files
from search.plan.sources import check_image_sets, class_names, settled
from search.plan.space import fixed_candidate, student_spec
from search.plan.teaching import check_fit, check_layers, ensemble_of
from search.run.digests import keep_given_files
from search.run.folder import RunFolder, check_run_folder, run_path
from search.run.start import started_run
from search.stages.candidate_training import described, forget_training, train_candidate
from search.stages.data import load_measured
from search.stages.detector_result import Result, keep_result, place_for, result_on
from search.stages.prepare import PreparedData, check_batch_sizes, note_defects, prepare_data
from search.stages.teacher_figures import teachers_on
from search.stages.teachers import check_device, check_given_weights, distiller_for, load_published, teacher_pool
from spaces.candidate import Candidate
from spaces.supernet import build_fixed, inherit_shared
from trainers.devices import pick_device
from trainers.progress import Progress, SilentProgress
from trainers.seeding import seeded
from trainers.teacher import Teacher


def with_candidate(config: Config, candidate: Candidate) -> Config:
    """The config with a candidate's layers, teachers and weights as its `train` section.

    Raises ConfigError for what no such section may hold.
    """
    for key in candidate:
        kind, _, term = key.partition("/")
        if kind == "weight" and f"teacher/{term}" not in candidate:
            raise ConfigError(f"the candidate: {key} has no effect without teacher/{term}. Add that, or take it out.")
    terms = {name: asdict(taught) for name, taught in candidate.terms().items()}
    changed = {"layers": candidate.layers(), "terms": terms}
    return with_section(config, "train", {**config.train.model_dump(), **changed}, "the candidate")


def run_train(
    config: Config, run_dir: Path | None = None, data_root: Path | None = None, progress: Progress | None = None
) -> Result:
    """Train the network that `config.train` names, and measure it on `data.test` beside its twin.

    run_dir: `runs/<name>` by default. data_root: replaces the config's. progress: silent by default.

    The same trainer as a retraining's; here the network starts from its twin, or from the published weights or nothing
    (`train.start`). Of the teachers those are trained first that it needs; without a twin among them there are no
    figures of one. Goes on where an earlier start stopped, and keeps the result in `trained/<id>/`. Raises ConfigError
    for layers that the detector doesn't have, and what `run_search` raises for folder, data and teachers.
    """
    run_dir, progress = run_path(config, run_dir), progress or SilentProgress()
    config = settled(config, data_root)
    check_train(config)
    chosen = fixed_candidate(config)
    spec = student_spec(config, len(class_names(config)))
    check_run_folder(run_dir, config, command="train")
    with started_run(run_dir, config, command="train") as folder:
        progress = folder.logged(progress)
        keep_given_files(folder, given_files(config, _needed(config), scratch=config.train.start == "scratch"))
        data = prepare_data(config, folder, progress, {"train": config.train})
        teachers = teacher_pool(config, folder, data.train, data.val, progress, _needed(config))
        test = load_measured(config, folder, config.data.test, progress)
        note_defects(folder, {config.data.test: test}, progress)
        settings = {**described(config.train), "start": config.train.start}
        place = place_for(folder.path / layout.TRAINED, chosen.id, settings)
        beside = partial(teachers_on, test, config, folder, {name: one.network for name, one in teachers.items()})
        if not (place / "figures.json").is_file():
            with folder.timed(f"train {chosen.id}"):
                network = _trained(config, folder, data, teachers, chosen, settings, place, progress)
            keep_result(place, network, spec, chosen, settings, test, beside)
            forget_training(folder, "train", chosen)
        return result_on(place, test, beside)


def check_train(config: Config) -> None:
    """Raise what `run_train` does for a settled config that can't be trained, before any folder is made."""
    check_batch_sizes(config, {"train": config.train}, check_image_sets(config))
    fixed_candidate(config)
    check_layers(config)
    check_device(config)
    check_fit(config, check_given_weights(config))


def _trained(
    config: Config,
    folder: RunFolder,
    data: PreparedData,
    teachers: dict[str, Teacher],
    candidate: Candidate,
    settings: Mapping[str, object],
    place: Path,
    progress: Progress,
) -> nn.Module:
    torch.manual_seed(seeded(config.seed, "train"))  # candidates of the same layers start from the same weights
    device = pick_device(config.device)
    network = build_fixed(student_spec(config, len(data.train.class_names)), candidate)
    if config.train.start == TWIN:
        inherit_shared(network, teachers[TWIN].network.state_dict())
    elif config.student.weights is not None:
        progress.note(f"train {candidate.id}: {load_published(config, network, None)}")
    network.to(device)
    terms = {name: [term.teacher] for name, term in config.train.terms.items()}
    torch.manual_seed(seeded(config.seed, "train", "distiller"))
    distiller = distiller_for(network, teachers, terms, ensemble_of(config)).to(device)
    return train_candidate(
        network,
        distiller,
        candidate,
        data.train,
        config.train,
        settings,
        command="train",
        place=place,
        seed=config.seed,
        folder=folder,
        progress=progress,
    )


def _needed(config: Config) -> set[str]:
    """The teachers that the training needs, an ensemble's members among them."""
    ensemble = ensemble_of(config)
    named = {name for term in config.train.terms.values() for name in ensemble.behind(term.teacher)}
    return named | ({TWIN} if config.train.start == TWIN else set())
