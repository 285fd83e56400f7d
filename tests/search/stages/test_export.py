"""Exports of checkpoints and of a run's retrained members."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from results import layout
from search import run_export, run_export_front
from search.errors import RunError
from search.stages.evaluate import Reading, run_evaluate
from search.stages.export import first_images, random_images
from spaces.candidate import Candidate
from spaces.supernet import build_fixed
from trainers.checkpoint import load_weights
from trainers.detector_file import load_detector, save_detector
from trainers.export.differences import Differences
from trainers.export.exporter import WrongExportError
from trainers.export.table import EXPORTERS
from trainers.progress import SilentProgress
from trainers.whole_files import digest_of

CANDIDATE = Candidate({"layer/backbone": "react"})
CLASSES = ("cat", "dog", "bird")


@pytest.fixture
def detector(spec, lively):
    torch.manual_seed(0)
    return lively(build_fixed(spec, CANDIDATE))


@pytest.fixture
def checkpoint(detector, spec, tmp_path):
    path = tmp_path / "made" / "a.safetensors"
    save_detector(path, detector, spec, CANDIDATE, CLASSES)
    return path


@pytest.fixture
def run(detector, spec, tmp_path):
    """A run's folder with two retrained members, the second's detector another one than its figures are of."""
    for name, digest in (("one", None), ("two", "0" * 64)):
        place = tmp_path / "run" / layout.RETRAINED / name
        save_detector(place / layout.DETECTOR, detector, spec, CANDIDATE, CLASSES)
        kept = {"test": {"map50": 0.5, "ap": 0.25}, "sha256": digest or digest_of(place / layout.DETECTOR)}
        (place / layout.RESULT_FIGURES).write_text(json.dumps(kept))
    (tmp_path / "run" / layout.CONFIG).touch()
    return tmp_path / "run"


def test_a_checkpoint_becomes_a_packed_file_beside_it_that_detects_the_same(checkpoint):
    made = run_export(checkpoint)
    path = checkpoint.with_name("a.packed.safetensors")
    assert made.files == [path]
    assert made.size_mb == path.stat().st_size / 1e6 < made.checkpoint_mb == checkpoint.stat().st_size / 1e6
    assert (made.differences.images, made.differences.none) == (8, True)
    assert made.differences.detections > 0
    found = load_detector(path)
    assert (found.candidate, found.classes) == (CANDIDATE, CLASSES)


def test_test_vectors_lie_beside_it(checkpoint, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "reference.py").write_text("mine")
    made = run_export(checkpoint, "packed", tmp_path / "out", random_images(2), test_vectors=True)
    names = ["a.packed.safetensors", "a.reference.py", "a.vectors.safetensors"]
    assert sorted(file.name for file in made.files) == names
    assert made.files[0].name == names[0]
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [*names, "reference.py"]
    assert (tmp_path / "out" / "reference.py").read_text() == "mine"
    assert made.size_mb == made.files[0].stat().st_size / 1e6


def test_all_retrained_members_of_a_run_are_written_with_their_own_figures(run, tmp_path):
    beside = run_export_front(run, images=random_images(1))
    assert [made.files for made in beside] == [
        [run / layout.RETRAINED / name / "detector.packed.safetensors"] for name in ("one", "two")
    ]
    assert [made.name for made in beside] == ["one", "two"]
    assert [made.test for made in beside] == [{"map50": 0.5, "ap": 0.25}, {}]
    apart = run_export_front(run, folder=tmp_path / "out", images=random_images(1))
    assert [made.files for made in apart] == [
        [tmp_path / "out" / f"{name}.packed.safetensors"] for name in ("one", "two")
    ]


def test_a_packed_file_is_evaluated_and_exported_as_its_checkpoint(checkpoint, tiny_data, tmp_path):
    root = tiny_data("voc", tmp_path / "data")
    reading = Reading(root=root)
    [packed] = run_export(checkpoint, images=first_images(reading, 3)).files
    ours, theirs = (run_evaluate(path, reading, "cpu", SilentProgress()) for path in (checkpoint, packed))
    assert ours.figures == theirs.figures
    for one, other in zip(ours.detections, theirs.detections, strict=True):
        assert all(np.array_equal(one[key], other[key]) for key in one)
    [again] = run_export(packed, folder=tmp_path / "again", images=random_images(1)).files
    assert again.name == packed.name
    (weights, description), (weights_again, described_again) = load_weights(packed), load_weights(again)
    assert description == described_again
    assert all(torch.equal(tensor, weights_again[key]) for key, tensor in weights.items())


def test_as_many_images_of_a_set_as_there_are_are_compared(checkpoint, tiny_data, tmp_path):
    reading = Reading(root=tiny_data("coco", tmp_path / "data"))
    assert run_export(checkpoint, images=first_images(reading, 3)).differences.images == 3
    assert run_export(checkpoint, images=first_images(reading, 99)).differences.images == 4


def test_a_mistake_is_refused_and_nothing_is_written(checkpoint, run, spec):
    before = sorted(checkpoint.parent.iterdir())
    with pytest.raises(RunError, match=r"No export target is called 'paked'. Did you mean 'packed'\? Known: packed"):
        run_export(checkpoint, "paked")
    with pytest.raises(
        RunError, match=r"made holds no run: there is no config\.yaml in it\. Name a run's folder, or the"
    ):
        run_export_front(checkpoint.parent)
    unmeasured = Candidate({"layer/backbone": "int4"})
    later = run / layout.RETRAINED / "zwei"
    save_detector(later / layout.DETECTOR, build_fixed(spec, unmeasured), spec, unmeasured, CLASSES)
    (later / layout.RESULT_FIGURES).write_text("{}")
    with pytest.raises(RunError, match="can't be exported to packed: The range of the inputs of backbone"):
        run_export_front(run)
    assert sorted(checkpoint.parent.iterdir()) == before
    assert not list(run.rglob("*.packed.safetensors"))


@pytest.mark.parametrize("before", [None, b"good"])
def test_an_export_that_detects_something_else_is_not_written(checkpoint, monkeypatch, before):
    apart = Differences(images=1, detections=9, unmatched=2, boxes=0.5, scores=0.25)
    monkeypatch.setattr("search.stages.export.differences", lambda ours, theirs: apart)
    target = checkpoint.with_name("new") / "a.packed.safetensors"
    if before is not None:
        target.parent.mkdir()
        target.write_bytes(before)
    with pytest.raises(RunError, match="was not written, since it would not detect") as refused:
        run_export(checkpoint, folder=target.parent, images=random_images(1), test_vectors=True)
    assert str(refused.value) == (
        f"{target} was not written, since it would not detect what {checkpoint} does: 2 detections have no "
        "counterpart, others are off by 0.5 pixels and 0.25 in score. This is a fault of Bitfront. Please report it, "
        "and keep the checkpoint, which is as it was."
    )
    there = {path: path.read_bytes() for path in checkpoint.parent.rglob("*") if path.is_file() and path != checkpoint}
    assert there == ({} if before is None else {target: before})


def test_an_export_that_computes_something_else_is_one_message(checkpoint, monkeypatch):
    def write(path, detector, known):
        raise WrongExportError("It computes something else than torch for stem (real): off by 3.")

    monkeypatch.setitem(EXPORTERS, "packed", replace(EXPORTERS["packed"], write=write))
    with pytest.raises(RunError) as refused:
        run_export(checkpoint, folder=checkpoint.with_name("new"))
    assert str(refused.value) == (
        f"{checkpoint.with_name('new')}/a.packed.safetensors was not written: It computes something else than torch "
        "for stem (real): off by 3. This is a fault of Bitfront. Please report it, and keep the checkpoint, which is "
        "as it was."
    )
    assert list(checkpoint.parent.iterdir()) == [checkpoint]


def test_a_packed_file_is_not_written_over_itself(checkpoint):
    [packed] = run_export(checkpoint, images=random_images(1)).files
    with pytest.raises(RunError, match=r"is such a file already\. Name another folder for a copy"):
        run_export(packed)
