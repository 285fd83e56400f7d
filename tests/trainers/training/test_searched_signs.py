"""Searches of signs in training: their own learning rate, how many flipped, and the stages of a training."""

import pytest
import torch
from torch import nn

from spaces.candidate import Candidate
from spaces.layers import SearchableUnit, UnitShape
from spaces.layers.binary_unit import DBS, Binary
from spaces.layers.signs import sign
from spaces.supernet import build_fixed, build_supernet, inherit_shared
from trainers.progress import SilentProgress
from trainers.training.detector import train_detector
from trainers.training.loop import train
from trainers.training.searched_signs import flip_rate, searched_logits, searches, set_inputs_only, set_search_progress
from trainers.training.settings import TrainSettings


def unit():
    torch.manual_seed(0)
    return SearchableUnit(UnitShape(3, 4, 3), ["dbs", "bireal"])


def test_the_flip_rate_is_the_share_of_signs_that_changed():
    network = nn.ModuleDict({"one": unit(), "other": unit()})
    started = {name: sign(logits.detach()) for name, logits in searched_logits(network).items()}
    assert flip_rate(network, started) == 0.0
    with torch.no_grad():
        network["one"].alternatives["dbs"].logits[:2].neg_()  # half of one of two
    assert flip_rate(network, started) == 0.25
    assert flip_rate(nn.Conv2d(1, 1, 1), {}) == 0.0


def test_logits_have_their_own_rate_and_no_decay(blobs):
    network = unit().train()
    dbs = network.alternatives["dbs"]
    before = {name: p.detach().clone() for name, p in network.named_parameters()}

    def step_losses(batch, epoch, step):
        return {"logits": dbs.logits.sum(), "scale": dbs.scale.sum()}

    settings = TrainSettings(epochs=1, batch_size=4, learning_rate=1e-3, logit_learning_rate=0.1, weight_decay=0.5)
    train(nn.ModuleDict({"network": network}), step_losses, blobs(4), settings, seed=0, stage="toy")
    moved = {name: (p.detach() - before[name]).abs() for name, p in network.named_parameters()}
    # One step of AdamW moves what has a gradient by the rate; decay would add rate x 0.5 x the value.
    assert moved["alternatives.dbs.logits"].flatten().tolist() == pytest.approx([0.1] * 108, rel=1e-3)
    assert moved["alternatives.dbs.scale"].tolist() == pytest.approx([1e-3] * 4, rel=1e-3)


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


class Epochs(SilentProgress):
    """Remembers its stages, and what the last epoch of each told."""

    def __init__(self):
        self.stages = []

    def stage(self, name, total):
        self.stages.append((name, total))
        return super().stage(name, total)


def test_two_stages_binarize_inputs_first_and_then_the_weights(spec, blobs, monkeypatch):
    torch.manual_seed(0)
    network = build_fixed(spec, Candidate({"layer/backbone": "bireal"}))
    unit, seen, progress = network.backbone.layer1[0].conv1.alternatives["bireal"], [], Epochs()
    forward = type(network).forward
    monkeypatch.setattr(
        type(network), "forward", lambda self, *a, **k: seen.append(unit.inputs_only) or forward(self, *a, **k)
    )
    settings = TrainSettings(epochs=1, batch_size=4)
    train_detector(network, blobs(8), settings, seed=0, stage="toy", inputs_first_epochs=2, progress=progress)
    assert seen == [True] * 4 + [False] * 2
    assert progress.stages == [("toy, inputs", 2), ("toy", 1)]


def test_a_real_network_has_one_stage(fixed, blobs):
    progress = Epochs()
    settings = TrainSettings(epochs=1, batch_size=4)
    train_detector(fixed("real"), blobs(4), settings, seed=0, stage="toy", inputs_first_epochs=2, progress=progress)
    assert progress.stages == [("toy", 1)]


def test_an_annealed_search_is_told_how_far_it_is_and_ends_hard(blobs):
    network = nn.ModuleDict({"network": SearchableUnit(UnitShape(3, 4, 3, 8), ["dbs"])})
    dbs, seen = next(module for module in network.modules() if isinstance(module, DBS)), []

    def step_losses(batch, epoch, step):
        seen.append(dbs.search_progress)
        return {"toy": network["network"](torch.stack(batch[0])).square().mean()}

    train(network, step_losses, blobs(4), TrainSettings(epochs=4, batch_size=4), seed=0, stage="toy")
    assert seen == [0.0, 0.25, 0.5, 0.75]
    assert dbs.search_progress == 1.0


def test_both_switches_reach_every_unit(supernet):
    set_inputs_only(supernet, True)
    set_search_progress(searches(supernet), 0.5)
    binary = [module for module in supernet.modules() if isinstance(module, Binary)]
    assert len(binary) == 32
    assert all(module.inputs_only for module in binary)
