"""Searches of signs in a detector's training: where they start, and the two stages of a training."""

import torch

from spaces.candidate import Candidate
from spaces.layers.binary_unit import Binary
from spaces.layers.signs import sign
from spaces.supernet import build_fixed, build_supernet, inherit_shared
from trainers.training.detector import train_detector
from trainers.training.loop import Task
from trainers.training.searched_signs import inputs_only, searches
from trainers.training.settings import TrainSettings


def test_the_supernet_starts_its_search_from_the_twin(spec, fixed):
    twin = fixed("real", seed=5)
    supernet = build_supernet(spec, {"backbone": ("real", "bireal", "dbs", "bireal+learned_scale")})
    own = inherit_shared(supernet, twin.state_dict())
    assert "backbone.layer1.0.conv1.weight" not in own
    inner = supernet.backbone.layer2[0].conv1
    real = twin.backbone.layer2[0].conv1.weight
    assert torch.equal(inner.weight, real)
    assert torch.equal(sign(inner.alternatives["dbs"].logits), sign(real))
    torch.testing.assert_close(inner.alternatives["bireal+learned_scale"].scale, real.abs().mean((1, 2, 3)))
    assert len(searches(supernet)) == 16


def test_two_stages_binarize_inputs_first_and_then_the_weights(spec, blobs, monkeypatch, recorded_progress):
    torch.manual_seed(0)
    network = build_fixed(spec, Candidate({"layer/backbone": "bireal"}))
    unit, seen, progress = network.backbone.layer1[0].conv1.alternatives["bireal"], [], recorded_progress()
    forward = type(network).forward
    monkeypatch.setattr(
        type(network), "forward", lambda self, *a, **k: seen.append(unit.inputs_only) or forward(self, *a, **k)
    )
    settings = TrainSettings(epochs=1, batch_size=4)
    train_detector(network, blobs(8), settings, Task(stage="toy", seed=0), inputs_first_epochs=2, progress=progress)
    assert seen == [True] * 4 + [False] * 2
    assert progress.stages == [("toy, inputs", 2), ("toy", 1)]


def test_a_real_network_has_one_stage(fixed, blobs, recorded_progress):
    progress = recorded_progress()
    settings = TrainSettings(epochs=1, batch_size=4)
    train_detector(
        fixed("real"), blobs(4), settings, Task(stage="toy", seed=0), inputs_first_epochs=2, progress=progress
    )
    assert progress.stages == [("toy", 1)]


def test_the_switch_of_the_first_stage_reaches_every_unit(supernet):
    binary = [module for module in supernet.modules() if isinstance(module, Binary)]
    assert len(binary) == 32
    binary[0].inputs_only = True
    with inputs_only(supernet):
        assert all(module.inputs_only for module in binary)
    assert [module.inputs_only for module in binary] == [True] + [False] * 31
