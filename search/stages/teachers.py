"""The pool of teachers, made once and kept in the run, and the distillers over it."""

import json
from collections.abc import Mapping
from pathlib import Path

from torch import nn

from search.plan.plan import Plan
from search.plan.published import load_published
from search.plan.teachers import PlannedTeacher
from search.run.digests import reading, writing
from search.run.folder import RunFolder, read_json
from search.stages.best_weights import keep_best_teacher
from search.stages.data import RunData
from search.stages.measuring import Spread, scores_on
from search.stages.settings import train_settings
from search.stages.training import DetectorTraining, run_training
from spaces.candidate import ALL_REAL
from spaces.detectors import DetectorSpec
from spaces.supernet import build_fixed
from trainers.checkpoint import CheckpointError
from trainers.data.decoded import Decoded
from trainers.detector_file import load_detector, save_detector
from trainers.devices import freeze, pick_device
from trainers.distill import Distiller
from trainers.progress import DetectorMeasured, Progress, figures_text
from trainers.seeding import seeded, seeded_torch
from trainers.teacher import Teacher
from trainers.training.loop import Task
from trainers.training.validation import Validated
from trainers.whole_files import write_whole


def teacher_pool(plan: Plan, run: RunFolder, data: RunData, progress: Progress) -> dict[str, Teacher]:
    """The teachers that the plan needs, frozen: given, made by the run before, or else trained and kept.

    Beside each stands `<name>.json` with its figures on `val`, images that no teacher was trained on.
    """
    pool, spread = {}, Spread.of(plan.config)
    for name, teacher in plan.teachers.items():
        if name in plan.needed:
            with run.timed(f"teacher {name}"):
                pool[name] = _teacher(name, teacher, plan, run, data, progress)
                if data.val is not None:
                    val, figures = str(plan.config.data.val), _measured(run, name, pool[name].network, data.val, spread)
                    progress.note(f"teacher {name}: {figures_text(figures)} on {len(data.val)} images of {val}")
                    file = run.teacher(name) if teacher.given is None else Path(str(teacher.section.weights))
                    progress.record(DetectorMeasured(f"teacher {name}", val, figures, file))
    return pool


def distiller_for(plan: Plan, student: nn.Module, teachers: Mapping[str, Teacher]) -> Distiller:
    """The plan's distillation terms over the pool, with fresh adapters."""
    terms = {term: list(names) for term, names in plan.terms.items()}
    return Distiller(student, {name: teacher.network for name, teacher in teachers.items()}, terms, plan.ensemble)


def _teacher(
    name: str, teacher: PlannedTeacher, plan: Plan, run: RunFolder, data: RunData, progress: Progress
) -> Teacher:
    path, device = run.teacher(name), pick_device(plan.config.device)
    if teacher.given is not None:
        network = freeze(teacher.given.network.to(device))
        return Teacher(network, teacher.spec, teacher.given.candidate)
    if path.is_file():
        with reading(run, path):
            network = _load(path, teacher.spec, plan.classes)
        run.training_state(f"teacher-{name}").unlink(missing_ok=True)  # of a start that ended before it did
        return Teacher(freeze(network.to(device)), teacher.spec, ALL_REAL)
    network, validated = _train(name, teacher, plan, run, data, progress)
    keep_best_teacher(run, name, validated, teacher.spec, plan.classes)
    path.with_suffix(".json").unlink(missing_ok=True)  # the figures of one that was deleted
    with writing(run, path):
        save_detector(path, network, teacher.spec, ALL_REAL, plan.classes)
    run.training_state(f"teacher-{name}").unlink(missing_ok=True)
    return Teacher(network, teacher.spec, ALL_REAL)


def _train(
    name: str, teacher: PlannedTeacher, plan: Plan, run: RunFolder, data: RunData, progress: Progress
) -> tuple[nn.Module, Validated | None]:
    seed = plan.config.seed
    with seeded_torch(seeded(seed, "teacher", name)):
        network = build_fixed(teacher.spec, ALL_REAL)
    if teacher.start is not None:
        progress.note(f"teacher {name}: {load_published(teacher.start, network, teacher.spec)}")
    network.to(pick_device(plan.config.device))
    task = Task(
        stage=f"teacher {name}",
        seed=seeded(seed, "teacher", name, "data"),
        resume_from=run.training_state(f"teacher-{name}"),
        val=data.val,
    )
    job = DetectorTraining(network, train_settings(teacher.section))
    validated = run_training(plan.config, job, data.train, task, progress)
    return freeze(network), validated


def _measured(run: RunFolder, name: str, network: nn.Module, val: Decoded, spread: Spread) -> dict[str, float]:
    """A teacher's figures on `val`, measured once in a run."""
    file = run.teacher(name).with_suffix(".json")
    if not file.is_file():
        write_whole(file, json.dumps(scores_on(network, val, spread), indent=2).encode())
    return read_json(file)


def _load(path: Path, spec: DetectorSpec, classes: tuple[str, ...]) -> nn.Module:
    """A teacher that the run trained. Raises CheckpointError where the file holds another one."""
    found = load_detector(path)
    if (found.spec, found.candidate, found.classes) != (spec, ALL_REAL, classes):
        raise CheckpointError(f"{path} holds {found.spec}, not the real-valued {spec}.")
    return found.network
