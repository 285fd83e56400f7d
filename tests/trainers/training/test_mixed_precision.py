"""Trainings in mixed precision: every detector, term and rule; what stays in float32; resuming; what is refused."""

import random

import pytest
import torch
from recorded_progress import RecordedProgress
from toy_paths import toy_costs

from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec
from spaces.layers import METHODS
from spaces.precision import computing_in
from spaces.space import Knob, SearchSpace
from spaces.supernet import build_fixed, build_supernet
from trainers.devices import freeze
from trainers.distill import TERMS, Distiller
from trainers.distill.searched_losses import SearchedLosses
from trainers.training.detector import train_detector
from trainers.training.draws import Draws
from trainers.training.loop import Task
from trainers.training.mixed_precision import check_precision, is_slow
from trainers.training.paths import Paths
from trainers.training.rules.table import RULES
from trainers.training.settings import TrainSettings

CPU = torch.device("cpu")
SETTINGS = TrainSettings(epochs=2, batch_size=4, precision="bf16")


def finite_losses(losses):
    assert all(loss.dtype == torch.float32 and loss.isfinite() for loss in losses.values())
    torch.stack(list(losses.values())).sum().backward()
    return losses


def all_gradients_are_finite(network):
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    return bool(gradients) and all(g.dtype == torch.float32 and g.isfinite().all() for g in gradients)


@pytest.mark.parametrize("layers", ["real", "react"])
@pytest.mark.parametrize("name", ["ssdlite_efficientnet_lite0", "gfl_sdgqp_resnet18", "faster_rcnn_resnet18"])
def test_a_step_of_each_kind_of_detector_gives_losses_near_those_of_float32(name, layers, images, targets):
    spec = DetectorSpec(detector=name, num_classes=3, image_size=96, width=0.125)
    torch.manual_seed(0)
    network = build_fixed(spec, Candidate({"layer/backbone": layers})).train()
    found = {}
    for precision in ("float32", "bf16"):
        torch.manual_seed(1)  # for the anchors and proposals that a two-stage detector draws
        network.zero_grad()
        with computing_in(precision):
            output = network(images, targets)
        assert {x.dtype for x in (*output.features.values(), *output.responses.cls)} == {torch.float32}
        found[precision] = {key: float(loss.detach()) for key, loss in finite_losses(output.losses).items()}
    assert all_gradients_are_finite(network)
    assert sum(found["bf16"].values()) == pytest.approx(sum(found["float32"].values()), rel=0.1)


@pytest.mark.parametrize("name", ["ssd_resnet18", "gfl_resnet18"])
def test_a_step_with_every_term_that_fits_is_finite_and_its_losses_are_of_float32(name, images, targets):
    spec = DetectorSpec(detector=name, num_classes=3, image_size=96, width=0.125)
    student = build_fixed(spec, Candidate({"layer/backbone": "dbs"})).train()
    twin = freeze(build_fixed(spec, Candidate({"layer/backbone": "real"})))
    names = [term for term in TERMS if term != "response_quality" or name.startswith("gfl")]
    distiller = Distiller(student, {"twin": twin}, {term: ["twin"] for term in names})
    candidate = Candidate({"layer/backbone": "dbs"} | {f"teacher/{term}": "twin" for term in names})
    with computing_in("bf16"):
        losses = finite_losses(distiller.step(student, candidate, images, targets))
    assert set(losses) >= set(names)
    assert all_gradients_are_finite(student)
    assert all_gradients_are_finite(distiller)


@pytest.mark.parametrize("rule", RULES)
def test_a_step_by_each_rule_over_all_methods_is_finite(rule, spec, fixed, images, targets):
    supernet = build_supernet(spec, {"backbone": tuple(METHODS)}).train()
    twin = freeze(fixed("real", seed=1))
    space = SearchSpace([Knob("layer/backbone", tuple(METHODS)), Knob("teacher/feature_hint", ("twin",))])
    distiller = Distiller(supernet, {"twin": twin}, {"feature_hint": ["twin"]})
    searched = SearchedLosses(supernet, twin, {"angular": 1.0, "amplitude": 1.0})
    paths = Paths(supernet, distiller, Draws(space, toy_costs), searched)
    with computing_in("bf16"):
        for losses in RULES[rule].step(paths, (images, targets), random.Random(3)):
            finite_losses(losses)
    assert all_gradients_are_finite(supernet)


@pytest.mark.usefixtures("every_step_is_kept")
def test_it_goes_on_bit_for_bit_and_weights_stay_in_float32(fixed, blobs, tmp_path, monkeypatch):
    def trained(**of_task):
        network = fixed("react+gate")
        train_detector(network, blobs(4), SETTINGS, Task(stage="toy", seed=0, **of_task))
        return network.state_dict()

    def cut(*_):
        raise KeyboardInterrupt

    unbroken = trained()
    with monkeypatch.context() as patch:
        step, done = torch.optim.AdamW.step, []
        patch.setattr(
            torch.optim.AdamW, "step", lambda *a, **k: cut() if len(done) == 1 else done.append(step(*a, **k))
        )
        with pytest.raises(KeyboardInterrupt):
            trained(resume_from=tmp_path / "state")
    resumed = trained(resume_from=tmp_path / "state")
    assert all(torch.equal(resumed[name], tensor) for name, tensor in unbroken.items())
    assert {tensor.dtype for tensor in unbroken.values()} == {torch.float32, torch.int64}


def test_settings_in_float32_are_described_as_before():
    assert "precision" not in TrainSettings(epochs=1).described()
    assert SETTINGS.described()["precision"] == "bf16"
    with pytest.raises(ValueError, match=r"precision is 'half', must be float32, bf16, fp16\."):
        TrainSettings(epochs=1, precision="half")


def test_fp16_is_refused_on_a_cpu_before_anything_is_trained(fixed, blobs):
    message = r"^precision is fp16, which needs a GPU: give bf16, which has float32's range, or float32\.$"
    with pytest.raises(ValueError, match=message):
        train_detector(
            fixed("real"), blobs(4), TrainSettings(epochs=1, batch_size=4, precision="fp16"), Task(stage="toy", seed=0)
        )
    check_precision("fp16", torch.device("cuda"))
    check_precision("bf16", CPU)


def test_a_processor_without_bf16_is_told_of(fixed, blobs, monkeypatch):
    progress = RecordedProgress()
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: {"avx2": True, "avx512_bf16": False})
    settings = TrainSettings(epochs=1, batch_size=4, precision="bf16")
    train_detector(fixed("real"), blobs(4), settings, Task(stage="toy", seed=0), progress=progress)
    assert any("toy: this processor has no instructions for bf16" in note for note in progress.notes)
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: {"avx512_bf16": True})
    assert not is_slow("bf16", CPU)
