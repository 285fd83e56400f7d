"""Detectors, distillation, discriminators and supernets in two processes against one: 20 steps, in float64."""

from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from picture_folder import write_pictures
from several_processes import Doubled, in_processes, recorded_losses
from torchvision.models.detection._utils import BalancedPositiveNegativeSampler
from toy_paths import train_paths

from spaces.candidate import Candidate
from spaces.classifier import build_classifier
from spaces.detectors import DetectorSpec
from spaces.space import Knob, SearchSpace
from spaces.supernet import build_fixed, build_supernet
from trainers.data.classes.folder import find_pictures
from trainers.data.classes.pictures import Pictures
from trainers.devices import freeze
from trainers.distill import Distiller
from trainers.distill.ensemble import Ensemble
from trainers.training.classifier import train_classifier
from trainers.training.detector import Distillation, train_detector
from trainers.training.loop import Task
from trainers.training.settings import TrainSettings

pytestmark = pytest.mark.slow
METHODS = ("real", "int8", "bireal", "dbs")
SUPERNET_TERMS = ("fgfi", "angular", "adversarial")


@pytest.fixture(autouse=True)
def _double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def spec_of(detector):
    return DetectorSpec(detector=detector, num_classes=3, image_size=96, width=0.125)


def real(detector):
    return freeze(build_fixed(spec_of(detector), Candidate({"layer/backbone": "real"})))


def candidate_of(method, terms):
    teachers = {f"teacher/{term}": teacher for term, teacher in terms.items()}
    return Candidate({"layer/backbone": method, **teachers, **{f"weight/{term}": 1.0 for term in terms}})


def in_one_and_in_two(training, tmp_path, weights=1e-5):
    """training: trains modules of its own, and returns them. weights: how far these may be apart at the end."""

    def run():
        torch.manual_seed(0)
        modules = []
        losses = recorded_losses(lambda: modules.append(training()))
        return losses, {name: tensor.numpy() for name, tensor in modules[0].state_dict().items()}

    one, (two, _) = run(), in_processes(2, run, tmp_path)
    assert len(one[0]) == 20
    for ours, theirs in zip(one[0], two[0], strict=True):
        assert theirs == pytest.approx(ours, rel=1e-5, abs=1e-5)
    for name, value in one[1].items():
        np.testing.assert_allclose(two[1][name], value, rtol=1e-5, atol=weights, err_msg=name)


@pytest.mark.parametrize(
    ("detector", "method", "terms"),
    [
        ("ssd_resnet18", "real", {}),
        ("gfl_resnet18", "int8", {"response_cls": "a", "response_loc": "a", "feature_hint_ida": "b"}),
        ("ssd_resnet18", "bireal", {"fgfi": "a", "joint_cls": "a", "joint_box": "b", "angular": "a"}),
        ("ssd_resnet18", "lcb", {"adversarial": "ensemble", "feature_hint": "ensemble"}),
        ("ssd_resnet18", "bireal+resilient", {}),
        ("ssd_resnet18", "react+input_norm", {"angular": "a"}),  # whose term normalises the inputs once more
    ],
    ids=["teacher", "parallel", "joint", "adversarial", "resilient", "input_norm"],
)
def test_a_detector(detector, method, terms, blobs, tmp_path):
    def training():
        candidate = candidate_of(method, terms)
        network = build_fixed(spec_of(detector), candidate)
        teachers = {name: real(detector) for name in ("a", "b")}
        distiller = Distiller(
            network, teachers, {term: [name] for term, name in terms.items()}, Ensemble(("a", "b"), "random_teacher")
        )
        task, settings = Task(stage="t", seed=1), TrainSettings(epochs=20, batch_size=4)
        train_detector(network, Doubled(blobs(4)), settings, task, Distillation(candidate, distiller))
        return torch.nn.ModuleList([network, distiller])

    in_one_and_in_two(training, tmp_path)


def test_a_classifier_with_its_teacher(tmp_path):
    data = Pictures(find_pictures(write_pictures(tmp_path / "colours", {"train": 2}), "train"), 32)

    def training():
        network, teacher = (
            build_classifier(spec_of("ssd_resnet18"), Candidate({"layer/backbone": method}), 3)
            for method in ("react", "real")
        )
        task, settings = Task(stage="t", seed=1), TrainSettings(epochs=20, batch_size=6)
        train_classifier(network, Doubled(data), settings, task, teacher=freeze(teacher))
        return network

    in_one_and_in_two(training, tmp_path)


def test_a_two_stage_detector_whose_samples_arent_random(blobs, tmp_path, monkeypatch):
    """Its samples of anchors and proposals are drawn by process, as those of another seed."""
    monkeypatch.setattr(BalancedPositiveNegativeSampler, "__call__", first_ones)

    def training():
        network = build_fixed(spec_of("faster_rcnn_resnet18"), Candidate({}))
        task, settings = Task(stage="t", seed=1), TrainSettings(epochs=20, batch_size=4)
        train_detector(network, Doubled(blobs(4)), settings, task)
        return network

    in_one_and_in_two(training, tmp_path)


def test_a_detector_in_float32_with_frozen_statistics(blobs, tmp_path):
    """Rounding of synchronised ones moves values over the edge of a ReLU, see docs/measurements/processes.md.

    Adam's steps have one size, also of gradients that are little but rounding: one weight is off by 1.1e-5.
    """
    torch.set_default_dtype(torch.float32)

    def training():
        network = build_fixed(spec_of("ssd_resnet18"), Candidate({"layer/backbone": "real"}))
        for norm in network.modules():
            if isinstance(norm, torch.nn.BatchNorm2d):
                norm.forward = partial(frozen, norm)
        task = Task(stage="t", seed=1, batch_norm="per_process")
        train_detector(network, blobs(4), TrainSettings(epochs=20, batch_size=4), task)
        return network

    in_one_and_in_two(training, tmp_path, weights=3e-5)


def frozen(norm, x):
    return F.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps)


@pytest.mark.parametrize("rule", ["single_path", "sandwich", "nas_bnn"])
def test_a_supernet(rule, blobs, tmp_path):
    def training():
        supernet = build_supernet(spec_of("ssd_resnet18"), {"backbone": METHODS})
        teachers = {"twin": real("ssd_resnet18")}
        distiller = Distiller(supernet, teachers, {term: ["none", "twin"] for term in SUPERNET_TERMS})
        knobs = [Knob(f"layer/backbone.layer{stage}", METHODS) for stage in (1, 2, 3, 4)]
        for term in SUPERNET_TERMS:
            knobs += [Knob(f"teacher/{term}", ("none", "twin")), Knob(f"weight/{term}", (0.1, 1.0))]
        settings = TrainSettings(epochs=20, batch_size=4)
        train_paths(supernet, distiller, SearchSpace(knobs), Doubled(blobs(4)), settings, rule=rule)
        return torch.nn.ModuleList([supernet, distiller])

    in_one_and_in_two(training, tmp_path)


def first_ones(sampler, labels):
    """The first positives and negatives of each image."""
    positives, negatives = [], []
    for each in labels:
        positive, negative = (each >= 1).nonzero()[:, 0], (each == 0).nonzero()[:, 0]
        positive = positive[: int(sampler.batch_size_per_image * sampler.positive_fraction)]
        negative = negative[: sampler.batch_size_per_image - len(positive)]
        for masks, chosen in ((positives, positive), (negatives, negative)):
            masks.append(torch.zeros_like(each, dtype=torch.uint8).index_fill_(0, chosen, 1))
    return positives, negatives
