"""Candidates at their prices, against all candidates of a small space."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.controller.structured.known_costs import KnownCosts
from search.controller.structured.sites import Sites
from search.controller.structured.tradeoffs import Model, sweep
from spaces.space import Knob, SearchSpace

LAYERS, METHODS = 4, ("real", "int8", "sign")
EVERY = np.array(list(itertools.product(range(3), repeat=LAYERS)))
NO_SHARE = np.zeros((LAYERS, 3))


@pytest.fixture(scope="module")
def sites():
    return Sites(SearchSpace([Knob(f"layer/b{i}", METHODS) for i in range(LAYERS)]))


def costs_of(sites, sizes, bounds):
    def costs(candidate):
        share = {"real": 1.0, "int8": 0.25, "sign": 0.03}
        return {"ops": sum(size * share[m] for size, m in zip(sizes, candidate.layers().values(), strict=True))}

    return KnownCosts(sites, costs, bounds)


def random_model(rng):
    values = np.sort(rng.normal(size=(LAYERS, 3)))[:, ::-1] * rng.random((LAYERS, 1))
    one_bit = np.tile([False, False, True], (LAYERS, 1))
    return Model(values, np.append(-rng.random(LAYERS - 1), 0.0), one_bit)


def total(model, options):
    each = np.arange(LAYERS)
    one_bit = model.one_bit[each, options]
    return model.values[each, options].sum(-1) + (model.pairs[:-1] * (one_bit[:, :-1] & one_bit[:, 1:])).sum(-1)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_all_candidates_of_a_sweep_are_on_the_front_and_its_ends_among_them(sites, seed):
    rng = np.random.default_rng(seed)
    model, costs = random_model(rng), costs_of(sites, rng.uniform(0.5, 2.0, LAYERS), {})
    found = sweep(model, costs.shares[0], costs)
    value, cost = total(model, EVERY), costs.of(EVERY)[:, 0]
    for one in found:
        own = total(model, one[None])[0]
        assert not ((value > own + 1e-9) & (cost <= costs.of(one[None])[0, 0] + 1e-9)).any()
    assert np.isclose(costs.of(found).min(), cost.min())
    assert len({one.tobytes() for one in found}) == len(found)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_within_a_bound_it_is_the_best_but_for_what_the_price_of_the_rest_is_worth(sites, seed):
    """Weak duality: no feasible candidate is worth more than the best at a price, and the price of what is left."""
    rng = np.random.default_rng(seed)
    sizes = rng.uniform(0.5, 2.0, LAYERS)
    bound = float(rng.uniform(0.1, 0.9) * sizes.sum())
    model, costs = random_model(rng), costs_of(sites, sizes, {"ops": bound})
    found = sweep(model, NO_SHARE, costs)
    assert len(found) == 1
    feasible = EVERY[costs.feasible(EVERY)]
    best, own = total(model, feasible).max(), total(model, found)[0]
    left = bound - costs.of(found)[0, 0]
    assert left >= 0
    # the price: between two options of a site that differ in the bounded cost
    spared = np.abs(costs.shares[0][:, :, None] - costs.shares[0][:, None, :])
    lost = np.abs(model.values[:, :, None] - model.values[:, None, :]) + 2.0
    price = (lost[spared > 0] / spared[spared > 0]).max()
    assert own <= best + 1e-9 <= own + price * left + 1e-6


def test_where_the_bound_leaves_nothing_over_it_is_the_best_of_all_feasible_ones(sites):
    """Each layer as real costs 1 and is worth 1 to 4. Two may be real at most, the others cost 0.03 as sign."""
    model = Model(np.array([[1.0, 0, 0], [2.0, 0, 0], [3.0, 0, 0], [4.0, 0, 0]]), np.zeros(4), np.zeros((4, 3), bool))
    costs = costs_of(sites, np.ones(4), {"ops": 2.061})
    [found] = sweep(model, NO_SHARE, costs)
    assert found.tolist() == [2, 2, 0, 0]
    assert costs.of(found[None])[0, 0] == pytest.approx(2.06)


def test_a_bound_that_no_candidate_keeps_to_leaves_nothing(sites):
    rng = np.random.default_rng(0)
    costs = costs_of(sites, np.ones(4), {"ops": 0.1})
    assert sweep(random_model(rng), costs.shares[0], costs).shape == (0, 4)


def test_without_a_price_it_is_the_most_accurate_one(sites):
    model = random_model(np.random.default_rng(0))
    found = sweep(model, NO_SHARE, costs_of(sites, np.ones(4), {}))
    assert found.tolist() == [EVERY[np.argmax(total(model, EVERY))].tolist()]
