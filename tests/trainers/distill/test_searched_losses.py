"""The layer losses of searched signs in a supernet: whenever `dbs` is sampled, on the units that have it."""

import pytest
import torch
from toy_paths import train_paths

from spaces.candidate import Candidate
from spaces.detectors import searchable_units
from spaces.space import Knob, SearchSpace
from spaces.supernet import activate, build_supernet
from trainers.devices import freeze
from trainers.distill import Distiller
from trainers.distill.searched_losses import SearchedLosses
from trainers.training.settings import TrainSettings

METHODS = ("real", "sign", "dbs")
WEIGHTS = {"angular": 100.0, "amplitude": 1.0}
MIXED = Candidate({"layer/backbone": "sign", "layer/backbone.layer2": "dbs"})


@pytest.fixture
def twin(fixed):
    return freeze(fixed("real", seed=1))


@pytest.fixture
def supernet(spec):
    torch.manual_seed(0)
    return build_supernet(spec, {"backbone": METHODS})


def losses(searched, supernet, candidate, images, targets):
    activate(supernet, candidate)
    _, terms = Distiller(supernet, {}, {}).run(supernet, candidate, images, targets, searched=searched)
    return {name: loss for name, loss in terms.items() if name.startswith("searched")}


def test_they_reach_the_sampled_searches_and_nothing_else(supernet, twin, images, targets):
    by_term = losses(SearchedLosses(supernet, twin, WEIGHTS), supernet, MIXED, images, targets)
    assert list(by_term) == ["searched angular", "searched amplitude"]
    torch.stack(list(by_term.values())).sum().backward()
    reached = {name for name, parameter in supernet.named_parameters() if parameter.grad is not None}
    units = [name for name in searchable_units(supernet) if name.startswith("backbone.layer2.")]
    assert reached == {f"{unit}.alternatives.dbs.{part}" for unit in units for part in ("logits", "scale")}
    assert all(parameter.grad is None for parameter in twin.parameters())


def test_without_a_sampled_search_nobody_is_traced(supernet, twin, images, targets):
    searched = SearchedLosses(supernet, twin, WEIGHTS)
    activate(supernet, Candidate({"layer/backbone": "sign"}))
    assert not searched.needs_traces()
    assert losses(searched, supernet, Candidate({"layer/backbone": "sign"}), images, targets) == {}
    assert losses(SearchedLosses(supernet, twin, {}), supernet, MIXED, images, targets) == {}


def test_a_term_of_the_candidate_itself_does_not_count_twice(supernet, twin, images, targets):
    searched = SearchedLosses(supernet, twin, WEIGHTS)
    own = MIXED.replace({"teacher/angular": "twin", "weight/angular": 1.0})
    assert list(losses(searched, supernet, own, images, targets)) == ["searched amplitude"]
    idle = own.replace({"weight/angular": 0.0})
    assert list(losses(searched, supernet, idle, images, targets)) == ["searched angular", "searched amplitude"]


def test_only_terms_that_compare_layers_will_do(supernet, twin):
    with pytest.raises(ValueError, match="feature_hint compares no layers"):
        SearchedLosses(supernet, twin, {"feature_hint": 1.0})


def test_a_supernet_trains_its_searches_on_them(spec, twin, blobs):
    space = SearchSpace([Knob(f"layer/backbone.layer{stage}", METHODS) for stage in (1, 2, 3, 4)])

    def logits(weights):
        torch.manual_seed(0)
        network = build_supernet(spec, {"backbone": METHODS})
        searched = SearchedLosses(network, twin, weights)
        settings = TrainSettings(epochs=2, batch_size=4)
        train_paths(network, Distiller(network, {}, {}), space, blobs(8), settings, seed=0, searched=searched)
        return {name: p.detach() for name, p in network.named_parameters() if name.endswith("logits")}

    with_them, without = logits(WEIGHTS), logits({})
    assert all(not torch.equal(tensor, without[name]) for name, tensor in with_them.items())
