"""Published weights that the student and its teachers start from."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from search.config import ConfigError
from search.config.schema import Student, Teacher
from search.plan.plan import plan_search, plan_training
from search.plan.published import Start, load_published, student_start, teacher_start
from search.plan.sources import settled
from search.stages.train import run_train
from spaces.candidate import ALL_REAL, Candidate
from spaces.detectors import DetectorSpec
from spaces.supernet import build_fixed
from trainers.checkpoint import CheckpointError, save_weights
from trainers.detector_file import save_detector

SPEC = DetectorSpec(detector="ssd_resnet18", num_classes=4, image_size=96, width=0.125)


def load_into(detector, spec, config, teacher):
    """Load what a teacher's training starts from, or the student's where `teacher` is None."""
    if teacher is None:
        start = student_start(config.student)
    else:
        start = teacher_start(teacher, config.teachers[teacher], config.student)
    return load_published(start, detector, spec)


def test_the_twin_starts_from_published_weights_and_a_note_says_what_matched(
    training_config, tmp_path, published_resnet18
):
    detector = build_fixed(SPEC, ALL_REAL)
    state = published_resnet18(detector.backbone)
    torch.save(state, tmp_path / "published.pth")
    chosen = training_config(f"student.weights={tmp_path / 'published.pth'}")
    assert load_into(detector, SPEC, chosen, "twin") == (
        "100 of 100 tensors of the backbone from published.pth (of the file: 100 of 102); "
        "2 of the file are left out: fc.weight, fc.bias"
    )
    assert torch.equal(detector.backbone.conv1.weight, state["conv1.weight"])


def test_the_note_says_which_of_a_files_weights_were_taken_and_what_is_left_on_either_side(
    tmp_path, published_resnet18
):
    detector = build_fixed(SPEC, ALL_REAL)
    raw, ema = published_resnet18(detector.backbone), published_resnet18(detector.backbone, seed=1)
    for number in (1, 2):
        del ema[f"layer4.1.bn{number}.weight"], ema[f"layer4.1.bn{number}.bias"]
    averaged = {"module": {f"module.backbone.{name}": tensor for name, tensor in ema.items()}, "updates": 7}
    torch.save({"model": raw, "ema": averaged, "epoch": 3}, tmp_path / "last.pth")
    start = Start("student.weights", str(tmp_path / "last.pth"))
    assert load_published(start, detector, SPEC) == (
        "96 of 100 tensors of the backbone from last.pth (of the file: 96 of 98); the EMA weights under ema.module "
        "were taken; the prefix module.backbone. was removed from its names; 4 of the backbone stay new: "
        "layer4.1.conv1.alternatives.real.bn.weight, layer4.1.conv1.alternatives.real.bn.bias, "
        "layer4.1.conv2.alternatives.real.bn.weight and 1 more; "
        "2 of the file are left out: module.backbone.fc.weight, module.backbone.fc.bias"
    )
    assert torch.equal(detector.backbone.conv1.weight, ema["conv1.weight"])


def test_an_average_that_does_not_fit_is_named_in_the_note(tmp_path, published_resnet18):
    detector = build_fixed(SPEC, ALL_REAL)
    raw = published_resnet18(detector.backbone)
    torch.save({"net": raw, "ema": {"decay": torch.tensor(0.99)}}, tmp_path / "last.pth")
    note = load_published(Start("student.weights", str(tmp_path / "last.pth")), detector, SPEC)
    assert note.startswith(
        "100 of 100 tensors of the backbone from last.pth (of the file: 100 of 102); the EMA weights under ema "
        "can't be used: None of the 100 tensors of the backbone are in the checkpoint, and nine tenths are needed; the "
        "weights under net were taken; "
    )


def test_weights_of_another_network_are_refused_before_anything_is_written(training_config, tmp_path):
    torch.save({"nothing.weight": torch.ones(1)}, tmp_path / "other.pth")
    message = r"student\.weights is .*, for ssd_resnet18: None of the 100 tensors of the backbone are in the checkpoint"
    with pytest.raises(CheckpointError, match=message):
        run_train(training_config(f"student.weights={tmp_path / 'other.pth'}"), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(ConfigError, match=r"student\.weights: is 'gone\.pth', but there is no such file"):
        training_config("student.weights=gone.pth")


def test_a_student_from_scratch_starts_from_its_own_published_weights_and_not_from_the_twins(
    training_config, tmp_path, published_resnet18
):
    detector = build_fixed(SPEC, ALL_REAL)
    own, twins = (published_resnet18(detector.backbone, seed) for seed in (1, 2))
    torch.save(own, tmp_path / "own.pth")
    torch.save(twins, tmp_path / "twins.pth")
    both = (f"student.weights={tmp_path / 'own.pth'}", f"teachers.twin.weights={tmp_path / 'twins.pth'}")
    chosen = training_config(*both)
    for name, state in ((None, own), ("twin", twins)):
        load_into(detector, SPEC, chosen, name)
        assert torch.equal(detector.backbone.conv1.weight, state["conv1.weight"])
    inputs = plan_training(training_config(*both, "train.start=scratch"), None).base.inputs
    assert inputs == {"student.weights": tmp_path / "own.pth", "teachers.twin.weights": tmp_path / "twins.pth"}
    assert plan_search(training_config(*both, "supernet.weights=by_kind"), None).base.inputs == inputs
    torch.save({"nothing": torch.ones(1)}, tmp_path / "own.pth")
    with pytest.raises(CheckpointError, match=r"student\.weights is .*: None of the 100 tensors"):
        plan_training(chosen, None)


def test_a_whole_detectors_published_weights_are_reported_by_what_they_hold(
    training_config, tmp_path, published_resnet18
):
    spec = replace(SPEC, detector="faster_rcnn_resnet18", heads=None)
    detector = build_fixed(spec, ALL_REAL)
    state = {
        f"backbone.body.{name}": tensor
        for name, tensor in published_resnet18(detector.backbone).items()
        if "fc" not in name
    }
    state["roi_heads.box_head.fc7.weight"] = torch.randn(128, 128)
    torch.save(state, tmp_path / "published.pth")
    chosen = training_config("student.detector=faster_rcnn_resnet18", f"student.weights={tmp_path / 'published.pth'}")
    report = load_into(detector, spec, chosen, "twin")
    assert torch.equal(detector.backbone.conv1.weight, state["backbone.body.conv1.weight"])
    assert torch.equal(detector.roi_heads.box_head.fc7.weight, state["roi_heads.box_head.fc7.weight"])
    assert re.match(
        r"101 of \d+ tensors of the detector from published\.pth \(of the file: 101 of 101\); \d+ of the", report
    )


def test_a_teacher_may_start_from_published_weights_too(training_config, tmp_path, published_resnet18):
    detector = build_fixed(SPEC, ALL_REAL)
    torch.save({"nothing": torch.ones(1)}, tmp_path / "published.pth")
    chosen = training_config(f"teachers.big.weights={tmp_path / 'published.pth'}")
    with pytest.raises(CheckpointError, match=r"teachers\.big\.weights is .*: None of the 100 tensors"):
        load_into(detector, SPEC, chosen, "big")
    torch.save(published_resnet18(detector.backbone), tmp_path / "published.pth")
    assert load_into(detector, SPEC, chosen, "big").startswith("100 of 100 tensors of the backbone from published.pth")


def test_published_weights_may_be_named(training_config, monkeypatch, published_resnet18):
    spec = replace(SPEC, width=1.0)
    detector = build_fixed(spec, ALL_REAL)
    state = published_resnet18(detector.backbone)
    monkeypatch.setattr("search.plan.published.download", lambda detector, name: state)
    chosen = settled(training_config("student.weights=imagenet", "student.width=1"), None)
    assert load_into(detector, spec, chosen, "twin").startswith("100 of 100 tensors of the backbone from imagenet (")
    assert torch.equal(detector.backbone.conv1.weight, state["conv1.weight"])
    message = r"student\.weights: is 'coco', but none are published for ssd_resnet18\. Give a state dict"
    with pytest.raises(ConfigError, match=message):
        training_config("student.weights=coco")
    with pytest.raises(ConfigError, match=r"is 'imagenet', but only a width of 1 has such weights; it is 0.125"):
        training_config("student.weights=imagenet")


def test_a_detector_of_ours_is_no_start_whatever_its_file_is_called(tmp_path):
    detector = build_fixed(SPEC, ALL_REAL)
    save_detector(tmp_path / "ours.pth", detector, SPEC, ALL_REAL, ("a", "b", "c", "d"))
    with pytest.raises(
        CheckpointError, match=r"student\.weights is .*ours\.pth, .* Bitfront trained, .* teachers\.twin\."
    ):
        load_published(Start("student.weights", str(tmp_path / "ours.pth")), detector, SPEC)


def test_a_1_bit_network_starts_from_what_its_real_form_may_start_from(tmp_path, published_resnet18):
    state = published_resnet18(build_fixed(SPEC, ALL_REAL).backbone)
    for name in [name for name in state if "downsample" in name][:8]:
        del state[name]  # of 100 tensors, of which a 1-bit network has 36: its units' BatchNorms are its own
    torch.save(state, tmp_path / "last.pth")
    torch.manual_seed(5)
    network, drawn = build_fixed(SPEC, Candidate({"layer/backbone": "sign"})), torch.get_rng_state()
    note = load_published(Start("student.weights", str(tmp_path / "last.pth")), network, SPEC)
    assert note.startswith("28 of 36 tensors of the backbone from last.pth (of the file: 28 of 94); 8 of the backbone")
    assert torch.equal(network.backbone.layer4.get_submodule("1.conv2").weight, state["layer4.1.conv2.weight"])
    assert torch.equal(torch.get_rng_state(), drawn)  # what is drawn next is the same with and without weights


def test_weights_that_go_by_a_name_are_no_file():
    assert Start("student.weights", "imagenet").file is None
    assert Start("student.weights", "coco").file is None
    assert Start("student.weights", "/weights/own.pth").file == Path("/weights/own.pth")


@pytest.mark.parametrize(
    ("name", "teacher", "student", "expected"),
    [
        ("twin", None, None, None),
        ("twin", None, "own.pth", Start("student.weights", "own.pth")),
        ("twin", "twins.pth", "own.pth", Start("teachers.twin.weights", "twins.pth")),
        ("twin", "imagenet", None, Start("teachers.twin.weights", "imagenet")),
        ("big", None, "own.pth", None),
        ("big", "bigs.pth", "own.pth", Start("teachers.big.weights", "bigs.pth")),
        ("big", "foreign.safetensors", None, Start("teachers.big.weights", "foreign.safetensors")),
        ("big", "ours.safetensors", None, None),
        ("big", "ours.pth", None, None),
    ],
)
def test_a_teacher_starts_from_its_own_weights_and_the_twin_else_from_the_students(
    tmp_path, monkeypatch, name, teacher, student, expected
):
    monkeypatch.chdir(tmp_path)
    save_file({"a": torch.ones(1)}, "foreign.safetensors", {"format": "pt"})
    for ours in ("ours.safetensors", "ours.pth"):
        save_weights(Path(ours), {"a": torch.ones(1)}, {"kind": "detector"})
    section = Student(detector="ssd_resnet18", weights=student)
    assert teacher_start(name, Teacher(weights=teacher), section) == expected
    assert student_start(section) == (None if student is None else Start("student.weights", student))
