"""Training a detector's backbone as an image classifier, from which detectors start."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from results import layout
from search.config import Config, TrainingConfig, config_text
from search.errors import RunError
from search.plan.pretraining import PretrainPlan, plan_pretraining
from search.run.digests import not_as_written
from search.run.folder import RunFolder, default_folder, read_json
from search.run.start import started_run
from search.stages.classifiers import ClassifierPlan, Work, measured, read_kept, train_and_keep
from search.stages.events import run_started
from search.stages.settings import train_settings
from spaces.candidate import ALL_REAL, Candidate
from spaces.classifier import Classifier
from trainers.data.classes.pictures import Pictures
from trainers.data.listing import is_file
from trainers.data.shapes.classes import write_shape_classes
from trainers.devices import freeze, pick_device
from trainers.progress import Progress, SilentProgress
from trainers.seeding import callers_generators
from trainers.whole_files import write_whole

TEACHER, STUDENT = "pretrain teacher", "pretrain"
"""The names of the stages."""


@dataclass(frozen=True)
class Pretrained:
    """A pretrained backbone: its file, the figures on the pictures of `val`, and those of its teacher, if it had one.

    figures: `top1` and `top5`, shares in 0..1. settings: what it was trained by.
    """

    backbone: Path
    figures: dict[str, float]
    teacher: dict[str, float] | None
    settings: dict[str, Any]


def run_pretrain(
    config: Config,
    run_dir: Path | str | None = None,
    data_root: Path | str | None = None,
    progress: Progress | None = None,
) -> Pretrained:
    """Train the backbone of the student with the layers of `config.pretrain` as a classifier, and measure it.

    run_dir: `runs/<name>` where it is None. data_root: the folder of the pictures, instead of the config's. progress:
    what shows how far the work is; nothing where it is None.

    First its teacher is trained, if it has one. The same call goes on where an earlier one stopped, and keeps the
    result as `backbone.safetensors`. Raises ConfigError, DataError and CheckpointError for what can't be trained, and
    RunError where the folder holds the result of other settings.
    """
    with callers_generators(pick_device(config.device)):
        plan = plan_pretraining(config, None if data_root is None else Path(data_root))
        with (
            started_run(Path(run_dir or default_folder(config.name)), plan.config, command="pretrain") as run,
            run.logged(progress or SilentProgress(), tensorboard=config.tensorboard) as progress,
        ):
            return _result(plan, run, progress)


def _result(plan: PretrainPlan, run: RunFolder, progress: Progress) -> Pretrained:
    """Train what isn't trained yet in the folder."""
    train, val = _pictures(plan, run, progress)
    planned = _planned(plan, run, train, val)
    _check_kept(planned, run)
    run.begin(config_text(plan.config))
    progress.record(run_started(run, plan.config))
    sets = f"{len(train)} of {plan.section.data.train}, {len(val)} of {plan.section.data.val}"
    progress.note(f"pictures: {sets}, {len(train.classes)} classes")
    if not planned.kept:
        work = Work(plan, run, train, val, progress)
        teacher, figures = _teacher(work)
        train_and_keep(planned, work, teacher, {"teacher": figures})
    read_kept(planned, run)
    kept = planned.kept
    return Pretrained(planned.file, kept["figures"], kept["teacher"], kept["settings"])


def _pictures(plan: PretrainPlan, run: RunFolder, progress: Progress) -> tuple[Pictures, Pictures]:
    """The pictures, generated where the config says so, every one of which can be read.

    Each set is read through once in a run, which its digest in `pictures.json` says from then on. Raises DataError.
    """
    root = plan.root or run.path / layout.PICTURES
    if plan.generated:
        shapes = plan.section.data.shapes
        sizes = {"train": shapes.train, "val": shapes.val}
        write_shape_classes(
            root, sizes=sizes, image_size=shapes.image_size, seed=plan.config.seed, key="pretrain.data.root"
        )
        return plan.pictures(root)
    train, val = plan.pictures(root)
    known = run.path / layout.PICTURES_READ
    digests = read_json(known) if known.is_file() else {}
    for key, pictures in (("train", train), ("val", val)):
        digest = pictures.fingerprint()
        if digest not in digests.values():
            pictures.check(f"pictures of {getattr(plan.section.data, key)}", progress)
        digests[key] = digest
        write_whole(known, json.dumps(digests, indent=2).encode())
    return train, val


def _planned(plan: PretrainPlan, run: RunFolder, train: Pictures, val: Pictures) -> ClassifierPlan:
    """The backbone. Its teacher is among its settings."""
    section = plan.section
    settings = {
        **_settings(plan, plan.candidate, section, train, val),
        "inputs_first_epochs": section.inputs_first_epochs,
        "teacher": None,
    }
    if plan.given is not None:
        settings["teacher"] = {"sha256": plan.given.sha256}
    elif section.teacher is not None:
        settings["teacher"] = {**train_settings(section.teacher).described()}
    file = run.path / layout.BACKBONE
    return ClassifierPlan(file, STUDENT, plan.candidate, section, settings, section.inputs_first_epochs)


def _settings(
    plan: PretrainPlan, candidate: Candidate, section: TrainingConfig, train: Pictures, val: Pictures
) -> dict[str, Any]:
    return {
        "detector": plan.spec.detector,
        "width": plan.spec.width,
        "layers": candidate.layers(),
        "seed": plan.config.seed,
        "image_size": plan.image_size,
        "crop_scale": plan.section.crop_scale,
        "train": train.fingerprint(),
        "val": val.fingerprint(),
        **train_settings(section).described(),
    }


def _check_kept(planned: ClassifierPlan, run: RunFolder) -> None:
    """Raise RunError where the folder has the backbone of other settings."""
    there: Mapping[str, Any] = planned.kept.get("settings", {})
    here = planned.settings
    changed = sorted(key for key in here.keys() | there.keys() if there and here.get(key) != there.get(key))
    if changed:
        listed = "; ".join(
            f"the pictures of {key} have changed"
            if key in ("train", "val")
            else f"{key} is {there.get(key)!r} there, {here.get(key)!r} here"
            for key in changed
        )
        raise RunError(
            f"{run.path} has a backbone of other settings: {listed}. Give another --run-dir, or delete "
            f"{planned.file.name} and {planned.figures_file.name} there."
        )
    if there and not is_file(planned.file):
        raise not_as_written(planned.file, planned.figures_file)


def _teacher(work: Work) -> tuple[Classifier | None, dict[str, float] | None]:
    """The frozen teacher and its figures on `val`: given, trained before, or trained now. None where there is none."""
    plan, run = work.plan, work.run
    section, device = plan.section.teacher, pick_device(plan.config.device)
    if plan.given is not None:
        network = plan.given.found.network.to(device)
        freeze(network)
        return network, measured(TEACHER, network, work)
    if section is None:
        return None, None
    settings = _settings(plan, ALL_REAL, section, work.train, work.val)
    planned = ClassifierPlan(run.path / layout.BACKBONE_TEACHER, TEACHER, ALL_REAL, section, settings)
    if planned.kept.get("settings") != settings or not is_file(planned.file):
        train_and_keep(planned, work)
    network = read_kept(planned, run).to(device)
    freeze(network)
    return network, planned.kept["figures"]
