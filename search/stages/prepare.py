"""What a search stands on, read from the run where it was made before, else made: data, teachers, supernet."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from results import layout
from search.config import Config, ConfigError, TrainingConfig
from search.errors import RunError
from search.plan.given_weights import given_files
from search.plan.space import build_space, student_spec
from search.run.digests import keep_given_files
from search.run.folder import RunFolder, read_json
from search.stages.data import load_measured, load_training, prepare_root, scoring_subset, told_of_defects
from search.stages.supernet import SupernetState, trained_supernet
from search.stages.teachers import needed_teachers, teacher_pool
from spaces.detectors import DetectorSpec
from spaces.space import SearchSpace
from trainers.data.decoded import Decoded
from trainers.progress import Progress
from trainers.teacher import Teacher
from trainers.whole_files import write_whole


@dataclass(frozen=True)
class Prepared:
    """What stands before the first trial; `val` is the subset that candidates are scored on."""

    spec: DetectorSpec
    space: SearchSpace
    train: Decoded
    val: Decoded
    teachers: dict[str, Teacher]
    state: SupernetState


@dataclass(frozen=True)
class PreparedData:
    """The decoded images; `val` is the subset that teachers and candidates are measured on, if there is one."""

    train: Decoded
    val: Decoded | None


def prepare(config: Config, folder: RunFolder, progress: Progress) -> Prepared:
    """Data, teachers and supernet: read where they were made before, made where they weren't.

    Raises RunError when the images or the given weights of a begun run changed.
    """
    check_scoring_data(config)
    keep_given_files(folder, given_files(config, config.teachers))
    data = prepare_data(config, folder, progress, {"supernet": config.supernet, "retrain": config.retrain})
    val = cast(Decoded, data.val)
    spec = student_spec(config, len(data.train.class_names))
    space = build_space(config, spec)
    needed = needed_teachers(config)
    for name in [one for one in config.teachers if one not in needed]:
        progress.note(f"No term names the teacher {name}: it is left out.")
    teachers = teacher_pool(config, folder, data.train, val, progress, needed)
    state = trained_supernet(config, folder, spec, space, teachers, data.train, progress)
    return Prepared(spec, space, data.train, val, teachers, state)


def check_scoring_data(config: Config) -> None:
    """Raise ConfigError for a config without images to score candidates on."""
    if config.data.val is None:
        raise ConfigError("data.val is null, but a search scores its candidates on these images. Name an image set.")


def prepare_data(
    config: Config, folder: RunFolder, progress: Progress, trained: Mapping[str, TrainingConfig]
) -> PreparedData:
    """Read and decode what is trained and measured on.

    `trained` are the sections, besides the teachers', by which something will be trained: a batch larger than the data
    is a ConfigError. Raises RunError when a begun run's images changed, and what `load_split` raises.
    """
    with folder.timed("data"):
        prepare_root(config, folder)
        train = load_training(config, folder, progress)
        val = None if config.data.val is None else load_measured(config, folder, config.data.val, progress)
    read = {config.data.train: train} if val is None else {config.data.train: train, str(config.data.val): val}
    note_defects(folder, read, progress)
    check_batch_sizes(config, trained, len(train))  # of which some may have been left out
    val = None if val is None else scoring_subset(config, val)
    _check_same_data(folder, train, val)
    return PreparedData(train, val)


def note_defects(folder: RunFolder, splits: Mapping[str, Decoded], progress: Progress) -> None:
    """Say how many images were left out, and keep every defect with its reason in `data_defects.json`."""
    file = folder.path / layout.DATA_DEFECTS
    kept = read_json(file) if file.is_file() else {}
    for split, data in splits.items():
        kept[split] = [{"file": str(defect.path), "reason": defect.reason} for defect in data.defects]
        if data.defects:
            progress.note(f"{told_of_defects(split, data)} All are in {file}.")
    if any(kept.values()):
        write_whole(file, json.dumps(kept, indent=2).encode())


def check_batch_sizes(config: Config, trained: Mapping[str, TrainingConfig], images: int | None) -> None:
    """Raise ConfigError for a batch larger than the data, of a teacher or of one of the sections `trained`.

    `images` is None where their number isn't known yet.
    """
    if images is None:
        return
    teachers = {f"teachers.{name}": one for name, one in config.teachers.items() if not one.is_given}
    for section, settings in {**teachers, **trained}.items():
        if settings.batch_size > images:
            raise ConfigError(
                f"{section}.batch_size is {settings.batch_size}, but {config.data.train} has {images} images. "
                "Give it more images or a smaller batch."
            )


def _check_same_data(folder: RunFolder, train: Decoded, val: Decoded | None) -> None:
    """Teachers and scores of one run belong to the same images. Raises RunError when they changed in between."""
    found = {"train": train.fingerprint(), "val": None if val is None else val.fingerprint()}
    file = folder.path / layout.DATA_DIGEST
    if folder.begun and file.is_file() and read_json(file) != found:
        raise RunError(
            f"{folder.path} was begun with other images or annotations than are there now. "
            "Bring those back, or give another --run-dir."
        )
    write_whole(file, json.dumps(found, indent=2).encode())
