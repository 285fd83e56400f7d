import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaces.pair_costs import PairCosts

METHODS = ("real", "sign")


def between(real, to_sign, to_real, sign):
    return {("real", "real"): real, ("real", "sign"): to_sign, ("sign", "real"): to_real, ("sign", "sign"): sign}


PAIRS = {("stem", "a"): between(1, 2, 99, 99), ("a", "b"): between(0, 10, 20, 5), ("b", "c"): between(0, 0, 0, -7)}
"""The stem is always real; a has a knob of its own, b and c have one together."""
KNOBS = {"a": "layer/a", "b": "layer/bc", "c": "layer/bc"}
OFFERED = {"layer/a": METHODS, "layer/bc": METHODS}


@pytest.mark.parametrize(
    ("a", "bc", "expected"),
    [("real", "real", 1), ("real", "sign", 1 + 10 - 7), ("sign", "real", 2 + 20), ("sign", "sign", 2 + 5 - 7)],
)
def test_pairs_add_up_by_knobs_as_by_layers(a, bc, expected):
    costs = PairCosts("ms", PAIRS, KNOBS, OFFERED)
    assert costs.by_knob({"layer/a": a, "layer/bc": bc}) == expected
    assert costs.by_layer({"a": a, "b": bc, "c": bc}) == expected


def test_the_least_counts_what_each_choice_adds_by_itself():
    """With shares of 0 both are sign: 0. If sign costs 3 more for each, 0 + 6 is beaten by all real: 1."""
    costs = PairCosts("ms", PAIRS, KNOBS, OFFERED)
    assert costs.least({knob: {"real": 0, "sign": 0} for knob in OFFERED}) == 0
    assert costs.least({knob: {"real": 0, "sign": 3} for knob in OFFERED}) == 1


def test_methods_that_were_not_measured_together_are_named():
    with pytest.raises(ValueError, match="ms between stem and a as real and int8 isn't known"):
        PairCosts("ms", PAIRS, KNOBS, {"layer/a": ("int8",), "layer/bc": METHODS})


@given(st.data())
def test_the_least_is_that_of_all_candidates(data):
    layers = "abcde"
    numbers = st.integers(-20, 20)
    knobs = {one: data.draw(st.sampled_from(["", *"pqrs"])) for one in layers}
    used = {knob: METHODS for knob in knobs.values() if knob}
    drawn = data.draw(st.lists(st.sampled_from(list(itertools.permutations(layers, 2))), unique=True, max_size=8))
    costs = PairCosts("ms", {two: between(*(data.draw(numbers) for _ in METHODS * 2)) for two in drawn}, knobs, used)
    own = {knob: {method: data.draw(numbers) for method in METHODS} for knob in used}
    candidates = [dict(zip(used, chosen, strict=True)) for chosen in itertools.product(METHODS, repeat=len(used))]
    sums = [costs.by_knob(one) + sum(own[knob][method] for knob, method in one.items()) for one in candidates]
    assert costs.least(own) == min(sums)
