"""Candidates drawn evenly over log cost, and the cheapest and the dearest."""

import math
import random
from collections import Counter
from functools import cache

import pytest
from toy_paths import toy_costs

from spaces.candidate import Candidate
from spaces.space import Knob, SearchSpace
from trainers.training.draws import Draws

METHODS = ("real", "int8", "sign", "bireal")
SPACE = SearchSpace([*(Knob(f"layer/{index}", METHODS) for index in range(12)), Knob("teacher/x", ("none", "twin"))])
BITS = {"real": 1024, "int8": 64, "sign": 1, "bireal": 1}
LEAST = 2**12 - 1
"""The cost of all-1-bit candidates: layer i is of size 2^i. A real one costs 1024 times as much."""


def costs(candidate):
    return {"bit_ops": float(sum(2 ** int(name) * BITS[chosen] for name, chosen in candidate.layers().items()))}


@cache
def drawn(by_cost=False, seed=3):
    draws, rng = Draws(SPACE, costs, by_cost=by_cost), random.Random(seed)
    return [draws.sample(rng) for _ in range(2000)]


def parts(candidates, count=8):
    """How many candidates lie in each of equal parts of the log cost's range."""
    place = [math.log(costs(one)["bit_ops"] / LEAST) / math.log(1024) for one in candidates]
    return Counter(min(int(where * count), count - 1) for where in place)


def test_by_cost_every_part_of_the_range_is_drawn_alike():
    even, uniform = parts(drawn(by_cost=True)), parts(drawn())
    assert len(even) == 8
    assert all(abs(count - 250) < 75 for count in even.values())
    assert uniform[0] * 10 < uniform[7]  # uniform knobs hardly ever draw the cheap end


def test_methods_of_one_cost_are_drawn_alike_by_cost():
    layers = Counter(method for one in drawn(by_cost=True) for method in one.layers().values())
    assert layers["sign"] == pytest.approx(layers["bireal"], rel=0.05)


def test_both_ends_are_reached_by_cost():
    reached = [costs(one)["bit_ops"] / LEAST for one in drawn(by_cost=True)]
    assert min(reached) < 1.2
    assert max(reached) > 1024 / 1.2


def test_terms_are_drawn_uniformly_and_the_same_seed_draws_the_same():
    candidates = drawn(by_cost=True)
    again = Draws(SPACE, costs, by_cost=True)
    rng = random.Random(3)
    assert candidates[:50] == [again.sample(rng) for _ in range(50)]
    assert Counter(one["teacher/x"] for one in candidates)["twin"] == pytest.approx(1000, rel=0.1)


def test_the_cheapest_and_the_dearest_take_turns_among_methods_of_one_cost():
    draws, rng = Draws(SPACE, costs), random.Random(0)
    cheap = [draws.cheapest(rng) for _ in range(20)]
    assert all(costs(one)["bit_ops"] == LEAST for one in cheap)
    assert {method for one in cheap for method in one.layers().values()} == {"sign", "bireal"}
    assert set(draws.dearest(rng).layers().values()) == {"real"}


def test_a_part_that_holds_no_candidate_goes_to_its_neighbours():
    """One layer with two methods has two costs: 1 and 1024, each at one end of the range."""
    space = SearchSpace([Knob("layer/a", ("real", "sign"))])
    draws, rng = Draws(space, toy_costs, by_cost=True), random.Random(0)
    share = Counter(draws.sample(rng)["layer/a"] for _ in range(400))
    assert share["real"] == pytest.approx(200, rel=0.25)


def test_a_space_of_one_cost_is_drawn_uniformly():
    space = SearchSpace([Knob("layer/a", ("sign", "bireal"))])
    draws, rng = Draws(space, toy_costs, by_cost=True), random.Random(0)
    assert Counter(draws.sample(rng)["layer/a"] for _ in range(400))["sign"] == pytest.approx(200, rel=0.15)
    assert draws.cheapest(rng).keys() == Candidate({"layer/a": "sign"}).keys()
