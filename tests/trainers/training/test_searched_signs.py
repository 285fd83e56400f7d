"""Searches of signs in a detector's training: where they start, and the two stages of a training."""

import pytest
import torch

from spaces.candidate import Candidate
from spaces.layers.binary_unit import Binary
from spaces.layers.signs import sign
from spaces.supernet import build_fixed, build_supernet, inherit_shared
from trainers.training.detector import train_detector
from trainers.training.finishing import finish_training
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


@pytest.mark.parametrize("method", ["sign+learned_scale", "bireal+resilient"])
def test_the_second_stage_starts_from_scales_that_fit_the_weights_of_the_first(spec, blobs, monkeypatch, method):
    network = build_fixed(spec, Candidate({"layer/backbone": method}))
    unit, seen = network.backbone.layer1[0].conv1, []
    binary, forward = unit.alternatives[method], type(network).forward

    def watched(self, *args, **kwargs):
        seen.append((binary.inputs_only, binary.scale.detach().clone(), unit.weight.abs().mean((1, 2, 3)).detach()))
        return forward(self, *args, **kwargs)

    monkeypatch.setattr(type(network), "forward", watched)
    settings = TrainSettings(epochs=1, batch_size=4, learning_rate=1e-2)
    train_detector(network, blobs(8), settings, Task(stage="toy", seed=0), inputs_first_epochs=2)
    assert [inputs_only for inputs_only, _, _ in seen] == [True] * 4 + [False] * 2
    assert torch.equal(seen[0][1], seen[3][1])
    assert not torch.allclose(seen[3][1], seen[3][2], rtol=1e-3)
    torch.testing.assert_close(seen[4][1], seen[4][2])


@pytest.mark.parametrize(("epochs_done", "measured"), [(3, True), (4, False)])
def test_an_annealed_search_is_measured_anew_where_it_ends_relaxed(spec, blobs, epochs_done, measured):
    network = build_fixed(spec, Candidate({"layer/backbone": "dbs"}))
    norm = network.backbone.layer1[0].conv1.alternatives["dbs"].bn
    norm.running_mean.fill_(5.0)
    finish_training(network, blobs(4), TrainSettings(epochs=4, batch_size=4), 0, epochs_done)
    assert (norm.running_mean.abs().max() < 5) == measured


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
