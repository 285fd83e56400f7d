"""Candidates in numbers, and what adds to their accuracy and cost."""

import numpy as np
import pytest

from search.controller.structured.features import Features
from search.controller.structured.known_costs import KnownCosts
from search.controller.structured.sites import Sites
from spaces.candidate import Candidate
from spaces.space import Knob, SearchSpace

SIGN_TWIN = {"layer/b0": "real", "layer/b1": "int8", "layer/b2": "sign", "teacher/hint": "twin", "weight/hint": 10.0}


def test_layers_and_the_teacher_with_its_weight_are_one_option_each(sites):
    options = sites.options(SIGN_TWIN)
    assert options.tolist() == [0, 1, 2, 3]  # the third weight of the first teacher
    assert sites.params(options) == SIGN_TWIN
    assert sites.params(np.array([0, 0, 2, 0]))["teacher/hint"] == "none"


def test_a_term_without_an_effect_has_the_option_of_no_teacher(sites, layered):
    """hint acts on sign alone: canonical candidates without such a layer have no teacher either."""
    idle = SIGN_TWIN | {"layer/b2": "int8"}
    assert sites.options(idle).tolist() == [0, 1, 1, 0]
    assert "teacher/hint" not in layered.canonical(Candidate(idle))


def test_a_term_that_must_have_a_teacher_offers_no_other_option():
    space = SearchSpace([Knob("layer/a", ("real", "sign")), Knob("teacher/hint", ("twin", "big"))])
    sites = Sites(space)
    assert sites.offered.tolist() == [[True, True, False], [False, True, True]]
    rng = np.random.default_rng(0)
    assert all(sites.random(rng)[1] > 0 for _ in range(20))


def test_the_options_of_another_space_are_none(sites):
    assert sites.options(SIGN_TWIN | {"layer/b0": "dbs"}) is None
    assert sites.options({"layer/b0": "real"}) is None


def test_random_candidates_meet_all_costs(sites):
    rng = np.random.default_rng(0)
    cheap = [int((sites.random(rng)[:3] == 2).sum()) for _ in range(200)]
    assert {0, 1, 2, 3} == set(cheap)
    assert cheap.count(3) > 10  # 10 % by random proportions; 4 % if each layer were drawn alone


def test_a_row_counts_methods_and_pairs_of_1_bit_neighbours(sites):
    one_bit = np.zeros((4, 7), dtype=bool)
    one_bit[:3, 2] = True
    features = Features(sites, one_bit)
    row = dict(zip(features.names, features.rows(np.array([[2, 2, 1, 6]]))[0], strict=True))
    assert {name: pytest.approx(value) for name, value in row.items() if value} == {
        "intercept": 1.0,
        "method sign": 2.0,
        "method int8": 1.0,
        "layer layer/b0 sign": 1.0,
        "layer layer/b1 sign": 1.0,
        "layer layer/b2 int8": 1.0,
        "teacher teacher/hint big": 1.0,  # with the greatest weight of three: its logarithm is scaled to 1
        "weight teacher/hint log": 1.0,
        "weight teacher/hint square of log": 1.0,
        "weight teacher/hint big log": 1.0,
        "weight teacher/hint big square of log": 1.0,
        "neighbours": 1.0,
        "pair layer/b0, layer/b1": 1.0,
    }


def test_values_and_pairs_add_up_to_the_row_times_the_effects(memory):
    rng = np.random.default_rng(0)
    features = memory.features
    effects = rng.normal(size=len(features.names))
    values, pairs = features.values(effects), features.pairs(effects)
    for options in [memory.sites.random(rng) for _ in range(20)]:
        both = [
            pairs[k] for k in range(3) if features.one_bit[k, options[k]] and features.one_bit[k + 1, options[k + 1]]
        ]
        expected = effects[0] + values[np.arange(4), options].sum() + sum(both)
        assert features.rows(options[None])[0] @ effects == pytest.approx(expected)
        assert features.accuracies(options[None], effects) == pytest.approx(expected)


def test_costs_are_added_up_from_one_look_at_each_option(sites, layer_costs):
    looks = []

    def watched(candidate):
        looks.append(candidate)
        return layer_costs(candidate)

    costs = KnownCosts(sites, watched, {})
    before = len(looks)
    np.testing.assert_allclose(costs.of(np.array([[0, 1, 2, 0], [2, 2, 2, 1]])), [[123.0, 1.0], [6.0, 0.0]])
    assert len(looks) == before
    assert costs.dearest(0) == 600.0


def test_costs_that_are_no_sums_are_computed_for_each_candidate(sites):
    def squared(candidate):
        return {"bit_ops": float(list(candidate.layers().values()).count("real") ** 2)}

    costs = KnownCosts(sites, squared, {})
    assert costs.of(np.array([[0, 0, 0, 0], [0, 0, 1, 0], [2, 2, 2, 0]])).ravel().tolist() == [9.0, 4.0, 0.0]


def test_a_candidate_is_feasible_at_the_bound_and_not_above(sites, layer_costs):
    costs = KnownCosts(sites, layer_costs, {"memory_mb": 1.0})
    assert costs.feasible(np.array([[0, 1, 1, 0], [0, 0, 1, 0]])).tolist() == [True, False]
