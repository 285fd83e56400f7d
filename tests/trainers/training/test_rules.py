"""Each supernet rule's passes: which candidates, by which losses, and how their gradients add up to one step."""

import random
from collections import Counter

import pytest
import torch
from torch import nn
from toy_paths import toy_costs, train_paths

from spaces.candidate import Candidate
from spaces.detectors import searchable_units
from spaces.space import Knob, SearchSpace
from spaces.supernet import activate
from trainers.devices import freeze
from trainers.distill import Distiller
from trainers.training.draws import Draws
from trainers.training.loop import Task, train
from trainers.training.paths import Paths
from trainers.training.rules.fair import fair_candidates
from trainers.training.rules.table import RULES, Rule
from trainers.training.settings import TrainSettings

METHODS = ("real", "sign", "bireal")
STAGES = [f"layer/backbone.layer{stage}" for stage in (1, 2, 3, 4)]
SPACE = SearchSpace(
    [*(Knob(stage, METHODS) for stage in STAGES), Knob("teacher/feature_hint", ("none", "twin"))],
)
SETTINGS = TrainSettings(epochs=2, batch_size=4)


@pytest.fixture
def seen(monkeypatch):
    """The candidates that were activated, one for each pass, and whether weights were real in it."""
    passes = []

    def record(network, candidate):
        unit = next(iter(searchable_units(network).values()))
        passes.append((candidate, unit.alternatives["sign"].inputs_only))
        activate(network, candidate)

    monkeypatch.setattr("trainers.training.paths.activate", record)
    return passes


@pytest.fixture
def paths(supernet, fixed):
    distiller = Distiller(supernet, {"twin": freeze(fixed("real", seed=5))}, {"feature_hint": ["none", "twin"]})
    return Paths(supernet.train(), distiller, Draws(SPACE, toy_costs))


def passes_of(paths, rule, images, targets, seed=0):
    return RULES[rule].step(paths, (images, targets), random.Random(seed))


def gradients(paths, passes):
    paths.supernet.zero_grad()
    for losses in passes:
        torch.stack(list(losses.values())).sum().backward()
    return {name: p.grad.clone() for name, p in paths.supernet.named_parameters() if p.grad is not None}


def methods(candidate):
    return set(candidate.layers().values())


def test_single_path_trains_as_it_did_before_there_were_rules(supernet, fixed, blobs):
    twin, data = freeze(fixed("real", seed=5)), blobs(8)
    start = {name: tensor.clone() for name, tensor in supernet.state_dict().items()}
    distiller = Distiller(supernet, {"twin": twin}, {"feature_hint": ["none", "twin"]})
    train_paths(supernet, distiller, SPACE, data, SETTINGS)
    after = {name: tensor.clone() for name, tensor in supernet.state_dict().items()}
    supernet.load_state_dict(start)
    distiller = Distiller(supernet, {"twin": twin}, {"feature_hint": ["none", "twin"]})

    def step_losses(batch, epoch, step):
        candidate = SPACE.sample(random.Random(f"0/{epoch}/{step}"))
        activate(supernet, candidate)
        return [distiller.step(supernet, candidate, *batch)]

    modules = torch.nn.ModuleDict({"supernet": supernet, "distiller": distiller})
    train(modules, step_losses, data, SETTINGS, Task(stage="supernet", seed=0))
    assert all(torch.equal(tensor, after[name]) for name, tensor in supernet.state_dict().items())


def test_fair_gives_each_method_of_each_layer_one_pass(paths, seen, images, targets):
    list(passes_of(paths, "fair", images, targets))
    assert len(seen) == 3
    for stage in STAGES:
        assert {candidate[stage] for candidate, _ in seen} == set(METHODS)
    assert len({candidate for candidate, _ in seen}) == 3


@pytest.mark.parametrize("offered", [2, 3, 5, 7])
def test_a_layer_with_fewer_methods_repeats_them_as_evenly_as_it_can(offered):
    choices = tuple(f"m{index}" for index in range(offered))
    space = SearchSpace([Knob("layer/a", tuple("abcde")), Knob("layer/b", choices[:5])])
    used = Counter()
    for seed in range(200):
        candidates = fair_candidates(space, random.Random(seed))
        assert sorted(candidate["layer/a"] for candidate in candidates) == list("abcde")
        each = Counter(candidate["layer/b"] for candidate in candidates)
        assert max(each.values()) - min(each.get(one, 0) for one in choices[:5]) <= 1
        used += each
    share = 200 * 5 / len(choices[:5])
    assert all(abs(count - share) < 0.1 * share for count in used.values())


def test_the_gradients_of_fair_are_the_sum_of_its_candidates_gradients(paths, seen, images, targets):
    paths.supernet.eval()  # so that no pass depends on what an earlier one did to BatchNorms
    together = gradients(paths, passes_of(paths, "fair", images, targets))
    alone = [gradients(paths, [paths.learn(candidate, (images, targets))[1]]) for candidate, _ in seen[:3]]
    for name, gradient in together.items():
        torch.testing.assert_close(gradient, sum(one[name] for one in alone if name in one), rtol=1e-4, atol=1e-5)


def test_the_sandwich_teaches_the_cheapest_and_two_random_ones_by_the_dearest(paths, seen, images, targets):
    losses = list(passes_of(paths, "sandwich", images, targets))
    assert len(seen) == len(losses) == 4
    assert methods(seen[0][0]) == {"real"}
    assert methods(seen[1][0]) <= {"sign", "bireal"}
    assert {"cls", "box"} <= set(losses[0])
    for own in losses[1:]:
        assert set(own) - {"feature_hint"} == {"in-place cls", "in-place box"}


def test_the_sandwich_teacher_gets_no_gradient_from_those_it_teaches(paths, images, targets):
    passes = passes_of(paths, "sandwich", images, targets)
    paths.supernet.zero_grad()
    next(passes)
    losses = next(passes)
    torch.stack(list(losses.values())).sum().backward()
    units = searchable_units(paths.supernet).values()
    assert all(p.grad is None for unit in units for p in unit.alternatives["real"].parameters())
    assert any(p.grad is not None for unit in units for p in unit.alternatives["sign"].parameters())


def test_nas_bnn_trains_real_weights_on_labels_and_binary_ones_on_their_responses(paths, seen, images, targets):
    losses = list(passes_of(paths, "nas_bnn", images, targets))
    assert [real for _, real in seen] == [True, False, False, False]
    assert seen[0][0] == seen[1][0]
    assert methods(seen[0][0]) <= {"sign", "bireal"}
    assert {"cls", "box"} <= set(losses[0])
    assert "own weights" not in losses[0]
    assert {"in-place cls", "in-place box", "own weights"} <= set(losses[1])


def test_a_step_of_several_passes_reports_their_number_and_their_mean_losses(
    supernet, blobs, recorded_progress, monkeypatch
):
    progress = recorded_progress()
    train_paths(supernet, Distiller(supernet, {}, {}), SPACE, blobs(4), SETTINGS, rule="fair", progress=progress)
    figures = [rest for kind, _, rest in progress.events if kind == "advance"]
    assert [one["passes"] for one in figures] == [3, 3]
    monkeypatch.setitem(RULES, "twice", Rule(twice))
    progress = recorded_progress()
    train_paths(supernet, Distiller(supernet, {}, {}), SPACE, blobs(4), SETTINGS, rule="twice", progress=progress)
    figures = [rest for kind, _, rest in progress.events if kind == "advance"]
    assert figures[0] == {"loss": 3.0, "a": 2.0, "b": 1.0, "passes": 2}


def twice(paths, batch, rng):
    """Two passes with the losses a = 1, b = 2 and a = 3."""
    for losses in ({"a": 1, "b": 2}, {"a": 3}):
        zero = 0.0 * sum(p.sum() for p in paths.supernet.parameters())
        yield {name: loss + zero for name, loss in losses.items()}


@pytest.mark.usefixtures("every_step_is_kept")
@pytest.mark.parametrize(("rule", "by_cost"), [("fair", False), ("sandwich", True), ("nas_bnn", False)])
def test_a_training_by_any_rule_goes_on_in_mid_epoch(supernet, fixed, blobs, tmp_path, monkeypatch, rule, by_cost):
    twin, data = freeze(fixed("real", seed=5)), blobs(8)
    start = {name: tensor.clone() for name, tensor in supernet.state_dict().items()}

    def run(**options):
        supernet.load_state_dict(start)
        torch.manual_seed(0)
        distiller = Distiller(supernet, {"twin": twin}, {"feature_hint": ["none", "twin"]})
        train_paths(supernet, distiller, SPACE, data, SETTINGS, rule=rule, by_cost=by_cost, **options)
        both = nn.ModuleDict({"supernet": supernet, "distiller": distiller})
        return {name: tensor.clone() for name, tensor in both.state_dict().items()}

    unbroken, passes = run(), []
    assert any(name.startswith("distiller.") for name in unbroken)

    def cut_off(network, candidate):
        passes.append(1)
        if len(passes) > 4 + 3:  # in the second or third of four steps, in the middle of its passes
            raise KeyboardInterrupt
        activate(network, candidate)

    with monkeypatch.context() as patch:
        patch.setattr("trainers.training.paths.activate", cut_off)
        with pytest.raises(KeyboardInterrupt):
            run(resume_from=tmp_path / "state")
    resumed = run(resume_from=tmp_path / "state")
    assert [name for name, tensor in unbroken.items() if not torch.equal(tensor, resumed[name])] == []


def test_a_state_of_another_rule_is_not_resumed(supernet, blobs, tmp_path, recorded_progress):
    progress = recorded_progress()
    options = {"resume_from": tmp_path / "state", "progress": progress}
    distiller = Distiller(supernet, {}, {})
    train_paths(supernet, distiller, SPACE, blobs(4), SETTINGS, described_as={"rule": "fair"}, **options)
    train_paths(supernet, distiller, SPACE, blobs(4), SETTINGS, **options)
    assert any("begins anew" in note for note in progress.notes)


def test_inputs_come_first_in_a_supernet_too(supernet, blobs, seen, recorded_progress):
    progress = recorded_progress()
    train_paths(
        supernet, Distiller(supernet, {}, {}), SPACE, blobs(4), SETTINGS, inputs_first_epochs=1, progress=progress
    )
    assert [real for _, real in seen] == [True, False, False]
    assert progress.stages == [("supernet, inputs", 1), ("supernet", 2)]
    assert Candidate(seen[0][0]) == seen[1][0]  # each stage counts its own epochs
