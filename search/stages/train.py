"""Training one network without a search: a fixed choice for every layer, with its own teachers and loss weights."""

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import cast

from search.config import Config, ConfigError, config_text, with_section
from search.plan.plan import TrainPlan, plan_training
from search.run.folder import RunFolder, default_folder
from search.run.start import started_run
from search.stages.candidate_training import (
    CandidateTraining,
    TrainedCandidate,
    plan_training_of,
    starting_network,
    train_candidate,
)
from search.stages.data import RunData, note_data, read_data
from search.stages.detector_result import Result, check_result, keep_result, result_on
from search.stages.events import result_measured, run_started
from search.stages.measuring import Spread
from search.stages.teacher_figures import teacher_figures
from search.stages.teachers import distiller_for, teacher_pool
from spaces.candidate import Candidate
from trainers.data.decoded import Decoded
from trainers.devices import pick_device
from trainers.progress import Progress, SilentProgress
from trainers.seeding import callers_generators, seeded, seeded_torch
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
    config: Config,
    run_dir: Path | str | None = None,
    data_root: Path | str | None = None,
    progress: Progress | None = None,
) -> Result:
    """Train the network that `config.train` names, and measure it on `data.test` beside its twin.

    run_dir: `runs/<name>` where it is None. data_root: the folder of the data, instead of the config's. progress: what
    shows how far the work is; nothing where it is None.

    The trainer is that of a retraining; the network starts from its twin, from published weights or nothing, or from a
    trained detector of other layers (`train.start`). First the teachers are trained that it needs; without a twin among
    them the result has no figures of one. The same call goes on where an earlier one stopped, and keeps the result in
    `trained/<id>/`. Raises CheckpointError for a file that can't be the start,
    ConfigError for layers that the detector doesn't have, and what `run_search` raises for folder, data and teachers.
    """
    with callers_generators(pick_device(config.device)):
        plan = plan_training(config, None if data_root is None else Path(data_root))
        base = plan.base
        with (
            started_run(Path(run_dir or default_folder(config.name)), base.config, command="train") as run,
            run.logged(progress or SilentProgress(), tensorboard=config.tensorboard) as progress,
        ):
            return _result(plan, run, progress)


def _result(plan: TrainPlan, run: RunFolder, progress: Progress) -> Result:
    """Train what isn't trained yet in the folder, and measure it."""
    base = plan.base
    training = plan_training_of(plan, run)
    if training.finished:
        check_result(training.place)
    data = read_data(base, run, progress, with_test=True)
    run.begin(config_text(base.config))
    progress.record(run_started(run, base.config))
    note_data(data, run, progress)
    teachers = teacher_pool(base, run, data, progress)
    test = cast(Decoded, data.test)
    networks = {name: teacher.network for name, teacher in teachers.items()}
    spread = Spread.of(base.config)
    beside = partial(teacher_figures, test, base.teachers, run, networks, spread)
    if not training.finished:
        with run.timed(f"train {plan.candidate.id}"):
            trained = _trained(plan, training, data, teachers, progress)
        keep_result(training, trained, base.student, test, beside, spread)
    training.forget_state()
    result = result_on(training, test, base.teachers, beside, spread)
    progress.record(result_measured(training, result, base.config.data.test))
    return result


def _trained(
    plan: TrainPlan,
    training: CandidateTraining,
    data: RunData,
    teachers: Mapping[str, Teacher],
    progress: Progress,
) -> TrainedCandidate:
    base, config = plan.base, plan.base.config
    device = pick_device(config.device)
    network = starting_network(base, training, teachers, progress, plan.start).to(device)
    with seeded_torch(seeded(config.seed, "train", "distiller")):
        distiller = distiller_for(base, network, teachers).to(device)
    return train_candidate(config, training, network, distiller, data.train, data.val, progress)
