"""The data of a run: read and compared with what the run was begun with before anything is written, then noted."""

import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from results import layout
from search.config import ConfigError
from search.errors import RunError
from search.plan.listed_classes import check_listed_classes
from search.plan.plan import Plan
from search.plan.sources import format_of
from search.run.digests import input_digests, note_inputs
from search.run.folder import RunFolder, read_json
from search.stages.images import (
    data_root,
    defects_text,
    load_measured,
    load_training,
    note_readings,
    prepare_root,
    scoring_subset,
)
from trainers.data.decoded import Decoded
from trainers.data.errors import DataError
from trainers.progress import Progress
from trainers.whole_files import write_whole


@dataclass(frozen=True)
class RunData:
    """The decoded images of a run.

    train: what is trained on. val: the subset that teachers and candidates are measured on, if there is one. test: the
    test images, where they were asked for. read: all images of each set, by its name. inputs: the digests of the
    user's weights. seconds: what reading took.
    """

    train: Decoded
    val: Decoded | None
    test: Decoded | None
    read: dict[str, Decoded]
    inputs: dict[str, str]
    seconds: float


def read_data(plan: Plan, run: RunFolder, progress: Progress, *, with_test: bool = False) -> RunData:
    """Read and decode what is trained and measured on. Written are only images that are generated or downloaded, and
    caches of those that don't fit into memory.

    with_test: the test images too, which a search reads at its end. Raises RunError when the images or the given
    weights of a begun run changed, ConfigError for a batch larger than the data and for classes that no file lists,
    DataError for bad data.
    """
    started, names = time.monotonic(), plan.config.data
    inputs = input_digests(run, plan.inputs)
    generated = format_of(names).generate is not None
    made = (Path(names.root) if generated and names.root else run.data, run.image_cache)
    with _removed_if_refused(*made):
        shared = prepare_root(plan, run)
        note_readings(plan, run, progress)
        if not run.begun:
            check_listed_classes(names, data_root(plan, run))
        read = {names.train: load_training(plan, run, progress, shared)}
        _note_absent_classes(plan, read[names.train], progress)
        measured = [names.val, names.test if with_test else None]
        read |= {split: load_measured(plan, run, split, progress, shared) for split in measured if split is not None}
        plan.check_images(len(read[names.train]))  # some may have been left out
        scored = None if names.val is None else scoring_subset(plan, read[names.val])
    data = RunData(
        train=read[names.train],
        val=scored,
        test=read.get(names.test),
        read=read,
        inputs=inputs,
        seconds=time.monotonic() - started,
    )
    _check_same_data(run, data)
    return data


def _note_absent_classes(plan: Plan, train: Decoded, progress: Progress) -> None:
    """Report the classes of `data.classes` that nothing is learnt of; a misspelt one of VOC's is nowhere else seen."""
    learnt = {train.class_names[label - 1] for label in set(train.labels.tolist())}
    absent = [name for name in plan.config.data.classes or () if name not in learnt]
    if absent:
        split = plan.config.data.train
        progress.note(f"{split}: data.classes names {', '.join(absent)}, of which there is no object to learn.")


def note_data(data: RunData, run: RunFolder, progress: Progress) -> None:
    """Write down what the run stands on: the digests of its images and of the given weights, and what was skipped."""
    run.add_seconds("data", data.seconds)
    note_inputs(run, data.inputs)
    note_defects(run, data.read, progress)
    note_remarks(run, data.read, progress)
    write_whole(run.path / layout.DATA_DIGEST, json.dumps(_fingerprints(data), indent=2).encode())


def note_defects(run: RunFolder, splits: Mapping[str, Decoded], progress: Progress) -> None:
    """Report how many images were left out, and write every defect with its reason to `data_defects.json`."""
    file = run.path / layout.DATA_DEFECTS
    for split, data in splits.items():
        if data.defects:
            progress.note(f"{defects_text(split, data)} All are in {file}.")
    lists = {
        split: [{"file": str(one.path), "reason": one.reason} for one in data.defects] for split, data in splits.items()
    }
    _note_lists(run, file, lists)


def note_remarks(run: RunFolder, splits: Mapping[str, Decoded], progress: Progress) -> None:
    """Report what was accepted though it isn't as the format says, and write it to `data_remarks.json`."""
    for split, data in splits.items():
        for remark in data.remarks:
            progress.note(f"{split}: {remark}")
    lists = {
        split: [{"count": one.count, "what": one.text, "first": str(one.first)} for one in data.remarks]
        for split, data in splits.items()
    }
    _note_lists(run, run.path / layout.DATA_REMARKS, lists)


def _note_lists(run: RunFolder, file: Path, lists: Mapping[str, Sequence[object]]) -> None:
    """Write a list for each image set, beside those that a begun run has already; no file where all are empty."""
    noted = {**(read_json(file) if run.begun and file.is_file() else {}), **lists}
    if any(noted.values()):
        write_whole(file, json.dumps(noted, indent=2).encode())


@contextmanager
def _removed_if_refused(*folders: Path) -> Iterator[None]:
    """Remove the folders of images that a run makes inside, when these or what is asked of them is refused."""
    absent = [folder for folder in folders if not folder.exists()]
    try:
        yield
    except (DataError, ConfigError):
        for made in (folder for folder in absent if folder.exists()):
            beside = made.with_name(f".{made.name}.refused.unfinished")  # half a set must not look whole
            shutil.rmtree(beside, ignore_errors=True)  # from a start that was killed in here
            shutil.rmtree(made.rename(beside), ignore_errors=True)
        raise


def _fingerprints(data: RunData) -> dict[str, str | None]:
    return {"train": data.train.fingerprint(), "val": None if data.val is None else data.val.fingerprint()}


def _check_same_data(run: RunFolder, data: RunData) -> None:
    """Raise RunError when the images changed: teachers and scores of one run belong to the same ones."""
    file = run.path / layout.DATA_DIGEST
    if not (run.begun and file.is_file()):
        return
    noted = read_json(file)
    for name, images in (("train", data.train), ("val", data.val)):
        known = noted.get(name)
        same = known is None if images is None else isinstance(known, str) and images.has_fingerprint(known)
        if not same:
            raise RunError(
                f"{run.path} was begun with other images or annotations than are there now, or with a version that "
                "reads them in another way. Bring those back, go on with that version, or give another --run-dir."
            )
