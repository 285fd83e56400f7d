"""The pool of teachers, made once and kept in the run, and the distillers over it."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import cast

import torch
from torch import nn

from search.config import Config, ConfigError
from search.config.schema import TWIN
from search.config.schema import Teacher as TeacherConfig
from search.plan.given_weights import start_of
from search.plan.sources import class_names
from search.plan.space import student_spec, teacher_spec
from search.plan.teaching import ensemble_of
from search.run.digests import reading, writing
from search.run.folder import RunFolder, read_json
from search.stages.candidate_training import train_settings
from spaces.candidate import ALL_REAL, NO_TEACHER
from spaces.detectors import DetectorSpec
from spaces.published.names import NAMES, download
from spaces.published.weights import load_pretrained, published_part, read_state
from spaces.supernet import build_fixed
from trainers.checkpoint import CheckpointError
from trainers.data.decoded import Decoded
from trainers.detector_file import load_detector, save_detector
from trainers.devices import freeze, pick_device
from trainers.distill import TERMS, Distiller
from trainers.distill.ensemble import Ensemble
from trainers.inference import score_metrics
from trainers.progress import Progress, figures_text
from trainers.seeding import seeded
from trainers.teacher import Teacher
from trainers.training.detector import train_detector
from trainers.whole_files import write_whole


def teacher_pool(
    config: Config,
    folder: RunFolder,
    train: Decoded,
    val: Decoded | None,
    progress: Progress,
    names: Collection[str],
) -> dict[str, Teacher]:
    """The teachers of these names, frozen: loaded where given or made before, else trained and kept.

    Beside each stands `<name>.json` with its figures on `val`, images that no teacher was trained on; they are told.
    """
    pool = {}
    for name in [one for one in config.teachers if one in names]:
        spec = teacher_spec(config, name, len(train.class_names))
        with folder.timed(f"teacher {name}"):
            pool[name] = _teacher(config, folder, name, spec, train, val, progress)
    return pool


def _teacher(
    config: Config,
    folder: RunFolder,
    name: str,
    spec: DetectorSpec,
    train: Decoded,
    val: Decoded | None,
    progress: Progress,
) -> Teacher:
    path, teacher = folder.teacher(name), config.teachers[name]
    device = pick_device(config.device)
    if teacher.is_given:
        found = _load_given(config, name, train.class_names)
        network, spec, candidate = freeze(found.network.to(device)), found.spec, found.candidate
    elif path.is_file():
        with reading(folder, path):
            found = _load_made(path, spec, train.class_names)
        network, candidate = freeze(found.network.to(device)), found.candidate
    else:
        torch.manual_seed(seeded(config.seed, "teacher", name))
        network, candidate = build_fixed(spec, ALL_REAL), ALL_REAL
        if start_of(config, name) is not None:
            progress.note(f"teacher {name}: {load_published(config, network, name)}")
        network.to(device)
        state = folder.training_state(f"teacher-{name}")
        train_detector(
            network,
            train,
            train_settings(teacher),
            seed=seeded(config.seed, "teacher", name, "data"),
            stage=f"teacher {name}",
            resume_from=state,
            progress=progress,
        )
        path.with_suffix(".json").unlink(missing_ok=True)  # the figures of one that was deleted
        with writing(folder, path):
            save_detector(path, freeze(network), spec, candidate, train.class_names)
        state.unlink(missing_ok=True)
    if val is not None:
        figures = _measured(folder, name, network, val)
        progress.note(f"teacher {name}: {figures_text(figures)} on {len(val)} images of {config.data.val}")
    return Teacher(network, spec, candidate)


def _measured(folder: RunFolder, name: str, network: nn.Module, val: Decoded) -> dict[str, float]:
    """A teacher's figures on `val`, measured once in a run."""
    file = folder.teacher(name).with_suffix(".json")
    if not file.is_file():
        write_whole(file, json.dumps(score_metrics(network, val), indent=2).encode())
    return read_json(file)


def load_published(config: Config, network: nn.Module, name: str | None) -> str:
    """Copy the published weights that the config names for a teacher, or without a name for the student, into its
    backbone, or into all of it.

    Says what matched. Raises CheckpointError for weights that hold none of this network, or can't be had.
    """
    key, weights = cast(tuple[str, str], start_of(config, name))
    detector = (config.teachers[name].detector if name is not None else None) or config.student.detector
    try:
        state = download(detector, weights) if weights in NAMES else read_state(Path(weights))
        part = published_part(network, state)
        report = load_pretrained(part, state)
    except ValueError as error:
        raise CheckpointError(f"{key} is {weights}, for {detector}: {error}") from error
    lacking = f"; {len(report.missing)} stay new, {report.missing[0]} among them" if report.missing else ""
    unused = f"; it has {len(report.unused)} more, such as {report.unused[0]}" if report.unused else ""
    whole = "detector" if part is network else "backbone"
    told = "".join(f"; {clause}" for clause in report.told)
    return f"{len(report.loaded)} tensors of the {whole} from {Path(weights).name}{lacking}{unused}{told}"


def check_device(config: Config) -> None:
    """Raise ConfigError for a device that this machine lacks, before any work."""
    if config.device == "cuda" and not torch.cuda.is_available():
        raise ConfigError(
            "device: is 'cuda', but torch finds no GPU here. Give cpu, or auto, which takes what there is."
        )


def check_given_weights(config: Config) -> dict[str, Teacher]:
    """Raise CheckpointError for weights of the student or a teacher that can't serve this config, before any training.

    The teachers that are given whole, by name. Of a detector of ours the classes, the size and the shape must fit; of
    published weights, the tensors.
    """
    classes, given = class_names(config), {}
    for name, teacher in config.teachers.items():
        if start_of(config, name) is not None:
            load_published(config, build_fixed(teacher_spec(config, name, len(classes)), ALL_REAL), name)
        if teacher.is_given:
            given[name] = _load_given(config, name, classes)
    if start_of(config, None) not in (None, start_of(config, TWIN)):  # the student's own, where the twin has others
        load_published(config, build_fixed(student_spec(config, len(classes)), ALL_REAL), None)
    return given


def _load_given(config: Config, name: str, wanted: tuple[str, ...]) -> Teacher:
    """A teacher of the user's. What it is, its own file says; the twin must be what the config's student is."""
    key, path = f"teachers.{name}.weights", Path(str(config.teachers[name].weights))
    try:
        detector = load_detector(path)
    except CheckpointError as error:
        raise CheckpointError(f"{key}: {error}") from error
    found, candidate, classes = detector.spec, detector.candidate, detector.classes
    spec, student = teacher_spec(config, name, len(wanted)), config.student
    reason = None
    if classes != wanted:
        reason = f"it knows the classes {', '.join(classes)}, but the data has {', '.join(wanted)}"
    elif found.image_size != spec.image_size:
        reason = f"it was trained at {found.image_size} pixels, but data.image_size is {spec.image_size}"
    elif other := {method for method in candidate.layers().values() if method != "real"}:
        reason = f"it has layers that are {', '.join(sorted(other))}, and teachers are real-valued"
    elif contradicted := _contradicted(config.teachers[name], found):
        reason = f"it is {contradicted}"
    elif name == TWIN and found != spec:
        reason = f"it is {found}, but the twin must have the student's shape, {spec}"
    elif name in _teachers_of_layers(config) and (found.detector, found.width) != (student.detector, student.width):
        reason = (
            f"it is a {found.detector} of width {found.width:g}, but it teaches a term that compares layers with the "
            f"student's, a {student.detector} of width {student.width:g}"
        )
    if reason is not None:
        raise CheckpointError(f"{key}: {path} can't be this teacher: {reason}. Give another file, or none.")
    return Teacher(detector.network, found, candidate)


def _load_made(path: Path, spec: DetectorSpec, classes: tuple[str, ...]) -> Teacher:
    """A teacher that the run trained. Raises CheckpointError where the file is of another one."""
    found = load_detector(path)
    if (found.spec, found.candidate, found.classes) != (spec, ALL_REAL, classes):
        raise CheckpointError(f"{path} holds {found.spec}, not the real-valued {spec}.")
    return Teacher(found.network, spec, ALL_REAL)


def _contradicted(teacher: TeacherConfig, found: DetectorSpec) -> str | None:
    """What a teacher's file is that the config says otherwise, in words."""
    for key in ("detector", "width", "heads"):
        said = getattr(teacher, key)
        if said not in (None, getattr(found, key)):
            return f"one of {key} {getattr(found, key)}, but the config says {said}"
    return None


def build_distiller(config: Config, student: nn.Module, teachers: dict[str, Teacher]) -> Distiller:
    """The config's distillation terms over the pool, with fresh adapters."""
    return distiller_for(student, teachers, term_teachers(config), ensemble_of(config))


def distiller_for(
    student: nn.Module, teachers: dict[str, Teacher], terms: dict[str, list[str]], ensemble: Ensemble
) -> Distiller:
    """Terms by name, each with the teachers that may serve it, over the pool."""
    return Distiller(student, {name: teacher.network for name, teacher in teachers.items()}, terms, ensemble)


def _teachers_of_layers(config: Config) -> set[str]:
    """The teachers of terms that compare layers: their units must be the student's in name and shape."""
    named = [(term, name) for term, names in term_teachers(config).items() for name in names]
    named += [(term, one.teacher) for term, one in config.train.terms.items()]
    return {name for term, name in named if TERMS[term].compares_layers}


def needed_teachers(config: Config) -> set[str]:
    """The teachers that a search needs: those that its terms name, an ensemble's members among them, and the twin."""
    ensemble = ensemble_of(config)
    named = {one for names in term_teachers(config).values() for name in names for one in ensemble.behind(name)}
    return (named - {NO_TEACHER}) | {TWIN}


def term_teachers(config: Config) -> dict[str, list[str]]:
    """Per distillation term the names that its teacher knob offers."""
    return {term: list(choice.teachers) for term, choice in config.space.terms.items()}
