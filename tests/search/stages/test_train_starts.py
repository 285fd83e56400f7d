"""What a training starts from: published weights by file or by name, in the student, its twin and its teachers."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from search.config import Config, ConfigError
from search.plan.plan import Plan, plan_training
from search.plan.published import load_published
from search.stages.train import run_train
from spaces.candidate import ALL_REAL
from spaces.supernet import build_fixed
from trainers.checkpoint import CheckpointError

TRAINING = {"layers": "dbs", "terms": {"feature_hint": {"weight": 0.5}}, "epochs": 1, "batch_size": 4}


@pytest.fixture
def config(tiny_config) -> Callable[..., Config]:
    return lambda *overrides: tiny_config(*overrides, train=TRAINING)


def detector_of(plan: Plan) -> nn.Module:
    return build_fixed(plan.student, ALL_REAL)


def published(plan: Plan, network: nn.Module, name: str) -> str:
    """Load what the training of a teacher starts from."""
    teacher = plan.teachers[name]
    return load_published(teacher.start, network, teacher.spec.detector)


def test_the_twin_starts_from_published_weights(config, tmp_path):
    stem = torch.randn(8, 3, 7, 7)
    torch.save({"conv1.weight": stem, "fc.weight": torch.ones(1)}, tmp_path / "published.pth")
    plan = plan_training(config(f"student.weights={tmp_path / 'published.pth'}"), None).base
    detector = detector_of(plan)
    report = published(plan, detector, "twin")
    assert torch.equal(detector.backbone.conv1.weight, stem)
    assert report.startswith("1 tensors of the backbone from published.pth; ")
    assert report.endswith("it has 1 more, such as fc.weight")


def test_weights_of_another_network_are_refused_before_anything_is_written(config, tmp_path):
    torch.save({"nothing.weight": torch.ones(1)}, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match=r"student\.weights is .*, for ssd_resnet18: No tensor of the checkpoint"):
        run_train(config(f"student.weights={tmp_path / 'other.pth'}"), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(ConfigError, match=r"student\.weights: is 'gone\.pth', but there is no such file"):
        config("student.weights=gone.pth")


def test_a_student_from_scratch_starts_from_its_own_published_weights_and_not_from_the_twins(config, tmp_path):
    for file, value in (("own.pth", 1.0), ("twins.pth", 2.0)):
        torch.save({"conv1.weight": torch.full((8, 3, 7, 7), value)}, tmp_path / file)
    both = (f"student.weights={tmp_path / 'own.pth'}", f"teachers.twin.weights={tmp_path / 'twins.pth'}")
    plan = plan_training(config(*both, "train.start=scratch"), None).base
    detector = detector_of(plan)
    for start, value in ((plan.start, 1.0), (plan.teachers["twin"].start, 2.0)):
        load_published(start, detector, "ssd_resnet18")
        assert (detector.backbone.conv1.weight == value).all()
    assert plan.inputs == {
        "student.weights": tmp_path / "own.pth",
        "teachers.twin.weights": tmp_path / "twins.pth",  # the twin teaches
    }
    torch.save({"nothing": torch.ones(1)}, tmp_path / "own.pth")
    with pytest.raises(CheckpointError, match=r"student\.weights is .*: No tensor of the checkpoint fits"):
        plan_training(config(*both), None)


def test_a_whole_detectors_published_weights_are_reported_by_what_they_hold(config, tmp_path):
    stem, box = torch.randn(8, 3, 7, 7), torch.randn(128, 128)
    torch.save({"backbone.body.conv1.weight": stem, "roi_heads.box_head.fc7.weight": box}, tmp_path / "published.pth")
    weights = f"student.weights={tmp_path / 'published.pth'}"
    plan = plan_training(config("student.detector=faster_rcnn_resnet18", weights), None).base
    detector = detector_of(plan)
    report = published(plan, detector, "twin")
    assert torch.equal(detector.backbone.conv1.weight, stem)
    assert torch.equal(detector.roi_heads.box_head.fc7.weight, box)
    assert report.startswith("2 tensors of the detector from published.pth; ")


def test_a_teacher_may_start_from_published_weights_too(config, tmp_path):
    torch.save({"nothing": torch.ones(1)}, tmp_path / "published.pth")
    chosen = config(f"teachers.big.weights={tmp_path / 'published.pth'}")
    with pytest.raises(CheckpointError, match=r"teachers\.big\.weights is .*: No tensor of the checkpoint fits"):
        plan_training(chosen, None)
    torch.save({"conv1.weight": torch.ones(8, 3, 7, 7)}, tmp_path / "published.pth")
    plan = plan_training(chosen, None).base
    report = published(plan, detector_of(plan), "big")
    assert report.startswith("1 tensors of the backbone from published.pth")


def test_published_weights_may_be_named(config, monkeypatch):
    stem = torch.randn(64, 3, 7, 7)
    monkeypatch.setattr("search.plan.published.download", lambda detector, name: {"conv1.weight": stem})
    plan = plan_training(config("student.weights=imagenet", "student.width=1"), None).base
    detector = detector_of(plan)
    assert published(plan, detector, "twin").startswith("1 tensors of the backbone from imagenet")
    assert torch.equal(detector.backbone.conv1.weight, stem)
    assert plan.inputs == {}  # no file of the user's
    message = r"student\.weights: is 'coco', but none are published for ssd_resnet18\. Give a state dict"
    with pytest.raises(ConfigError, match=message):
        config("student.weights=coco")
    with pytest.raises(ConfigError, match=r"is 'imagenet', but only a width of 1 has such weights; it is 0.125"):
        config("student.weights=imagenet")
