"""Published weights that the student and its teachers start from."""

from pathlib import Path

import pytest
import torch

from search.config import ConfigError
from search.config.schema import Student, Teacher
from search.plan.plan import plan_training
from search.plan.published import Start, load_published, student_start, teacher_start
from search.plan.sources import settled
from search.stages.train import run_train
from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec
from spaces.supernet import build_fixed
from trainers.checkpoint import CheckpointError


def load_into(detector, spec, config, teacher):
    """Load what a teacher's training starts from, or the student's where `teacher` is None."""
    if teacher is None:
        start = student_start(config.student)
    else:
        start = teacher_start(teacher, config.teachers[teacher], config.student)
    return load_published(start, detector, spec.detector)


def test_the_twin_starts_from_published_weights(training_config, tmp_path):
    spec = DetectorSpec(detector="ssd_resnet18", num_classes=4, image_size=96, width=0.125)
    detector = build_fixed(spec, Candidate({}))
    stem = torch.randn_like(detector.backbone.conv1.weight)
    torch.save({"conv1.weight": stem, "fc.weight": torch.ones(1)}, tmp_path / "published.pth")
    chosen = training_config(f"student.weights={tmp_path / 'published.pth'}")
    report = load_into(detector, spec, chosen, "twin")
    assert torch.equal(detector.backbone.conv1.weight, stem)
    assert report.startswith("1 tensors of the backbone from published.pth; ")
    assert report.endswith("it has 1 more, such as fc.weight")


def test_weights_of_another_network_are_refused_before_anything_is_written(training_config, tmp_path):
    torch.save({"nothing.weight": torch.ones(1)}, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match=r"student\.weights is .*, for ssd_resnet18: No tensor of the checkpoint"):
        run_train(training_config(f"student.weights={tmp_path / 'other.pth'}"), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(ConfigError, match=r"student\.weights: is 'gone\.pth', but there is no such file"):
        training_config("student.weights=gone.pth")


def test_a_student_from_scratch_starts_from_its_own_published_weights_and_not_from_the_twins(training_config, tmp_path):
    spec = DetectorSpec(detector="ssd_resnet18", num_classes=4, image_size=96, width=0.125)
    detector = build_fixed(spec, Candidate({}))
    for file, value in (("own.pth", 1.0), ("twins.pth", 2.0)):
        torch.save({"conv1.weight": torch.full_like(detector.backbone.conv1.weight, value)}, tmp_path / file)
    both = (f"student.weights={tmp_path / 'own.pth'}", f"teachers.twin.weights={tmp_path / 'twins.pth'}")
    chosen = training_config(*both)
    for name, value in ((None, 1.0), ("twin", 2.0)):
        load_into(detector, spec, chosen, name)
        assert (detector.backbone.conv1.weight == value).all()
    inputs = plan_training(training_config(*both, "train.start=scratch"), None).base.inputs
    assert inputs == {"student.weights": tmp_path / "own.pth", "teachers.twin.weights": tmp_path / "twins.pth"}
    torch.save({"nothing": torch.ones(1)}, tmp_path / "own.pth")
    with pytest.raises(CheckpointError, match=r"student\.weights is .*: No tensor of the checkpoint fits"):
        plan_training(chosen, None)


def test_a_whole_detectors_published_weights_are_reported_by_what_they_hold(training_config, tmp_path):
    spec = DetectorSpec(detector="faster_rcnn_resnet18", num_classes=4, image_size=96, width=0.125)
    detector = build_fixed(spec, Candidate({}))
    stem, box = torch.randn_like(detector.backbone.conv1.weight), torch.randn(128, 128)
    torch.save({"backbone.body.conv1.weight": stem, "roi_heads.box_head.fc7.weight": box}, tmp_path / "published.pth")
    chosen = training_config("student.detector=faster_rcnn_resnet18", f"student.weights={tmp_path / 'published.pth'}")
    report = load_into(detector, spec, chosen, "twin")
    assert torch.equal(detector.backbone.conv1.weight, stem)
    assert torch.equal(detector.roi_heads.box_head.fc7.weight, box)
    assert report.startswith("2 tensors of the detector from published.pth; ")


def test_a_teacher_may_start_from_published_weights_too(training_config, tmp_path):
    spec = DetectorSpec(detector="ssd_resnet18", num_classes=4, image_size=96, width=0.125)
    detector = build_fixed(spec, Candidate({}))
    torch.save({"nothing": torch.ones(1)}, tmp_path / "published.pth")
    chosen = training_config(f"teachers.big.weights={tmp_path / 'published.pth'}")
    with pytest.raises(CheckpointError, match=r"teachers\.big\.weights is .*: No tensor of the checkpoint fits"):
        load_into(detector, spec, chosen, "big")
    torch.save({"conv1.weight": torch.ones_like(detector.backbone.conv1.weight)}, tmp_path / "published.pth")
    assert load_into(detector, spec, chosen, "big").startswith("1 tensors of the backbone from published.pth")


def test_published_weights_may_be_named(training_config, monkeypatch):
    stem = torch.randn(64, 3, 7, 7)
    monkeypatch.setattr("search.plan.published.download", lambda detector, name: {"conv1.weight": stem})
    spec = DetectorSpec(detector="ssd_resnet18", num_classes=4, image_size=96)
    detector = build_fixed(spec, Candidate({}))
    chosen = settled(training_config("student.weights=imagenet", "student.width=1"), None)
    assert load_into(detector, spec, chosen, "twin").startswith("1 tensors of the backbone from imagenet")
    assert torch.equal(detector.backbone.conv1.weight, stem)
    message = r"student\.weights: is 'coco', but none are published for ssd_resnet18\. Give a state dict"
    with pytest.raises(ConfigError, match=message):
        training_config("student.weights=coco")
    with pytest.raises(ConfigError, match=r"is 'imagenet', but only a width of 1 has such weights; it is 0.125"):
        training_config("student.weights=imagenet")


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
        ("big", "big.safetensors", None, None),
    ],
)
def test_a_teacher_starts_from_its_own_weights_and_the_twin_else_from_the_students(name, teacher, student, expected):
    section = Student(detector="ssd_resnet18", weights=student)
    assert teacher_start(name, Teacher(weights=teacher), section) == expected
    assert student_start(section) == (None if student is None else Start("student.weights", student))
