"""What the table of effects compares, and how often its errors hold."""

import math
from dataclasses import replace

import numpy as np
import pytest

from search.controller.structured.contrasts import contrasts
from search.controller.structured.fit import Fit
from search.controller.structured.memory import Memory
from search.controller.structured.scales import LOGARITHM, POINT
from spaces.space import Knob, SearchSpace

TEACHERS = {"none": 0.0, "twin": 0.01, "big": 0.02}


def accuracy(full):
    """A sum over knobs, but for 0.007 that is lost where b0 and b1 are both 1-bit."""
    value = 0.5 - sum(0.01 * (i + 1) for i in range(3) if full[f"layer/b{i}"] == "sign")
    value -= sum(0.001 for i in range(3) if full[f"layer/b{i}"] == "int8")
    value -= 0.007 if full["layer/b0"] == full["layer/b1"] == "sign" else 0.0
    if full["teacher/hint"] != "none" and "sign" in [full[f"layer/b{i}"] for i in range(3)]:
        value += TEACHERS[full["teacher/hint"]] + 0.003 * math.log10(full["weight/hint"])
    return value


@pytest.fixture
def candidates(sites):
    rng = np.random.default_rng(0)
    return np.stack([sites.random(rng) for _ in range(300)])


def effects_without_noise(memory, options):
    """The columns' effects, of the true accuracies of many candidates."""
    scores = np.array([accuracy(memory.sites.params(one)) for one in options])
    rows = memory.features.rows(options)
    effects, *_ = np.linalg.lstsq(rows, scores, rcond=None)
    return effects


def test_each_choice_is_compared_with_the_first_and_each_weight_with_the_middle(memory, candidates):
    """A candidate without 1-bit layers has no hint: those are left out, so that the accuracy is a sum over knobs."""
    acting = candidates[(candidates[:, :3] == 2).any(1)]
    effects = effects_without_noise(memory, acting)
    compared = {
        (one.knob, one.choice, one.reference): one.combination @ effects
        for one in contrasts(memory.sites, memory.features, acting)
    }
    expected = {("teacher/hint", "twin", "none"): 0.01, ("teacher/hint", "big", "none"): 0.02}
    for i in range(3):
        expected |= {(f"layer/b{i}", "int8", "real"): -0.001, (f"layer/b{i}", "sign", "real"): -0.01 * (i + 1)}
    expected |= {("weight/hint", "0.1", "1"): -0.003, ("weight/hint", "10", "1"): 0.003}
    expected |= {("layer/b0, layer/b1", "both cheapest", "sum of both"): -0.007}
    expected |= {("layer/b1, layer/b2", "both cheapest", "sum of both"): 0.0}
    assert compared == {key: pytest.approx(value, abs=1e-9) for key, value in expected.items()}


def test_who_made_the_choice(memory):
    full = {"layer/b0": "sign", "layer/b1": "sign", "layer/b2": "int8", "teacher/hint": "big", "weight/hint": 10.0}
    options = np.stack([memory.sites.options(full | {"layer/b0": method}) for method in ("sign", "real")])
    chosen = {(one.knob, one.choice): one.chosen.tolist() for one in contrasts(memory.sites, memory.features, options)}
    assert {key: who for key, who in chosen.items() if any(who)} == {
        ("layer/b0", "sign"): [True, False],
        ("layer/b1", "sign"): [True, True],
        ("layer/b2", "int8"): [True, True],
        ("layer/b0, layer/b1", "both cheapest"): [True, False],
        ("teacher/hint", "big"): [True, True],
        ("weight/hint", "10"): [True, True],
    }


def test_a_term_that_must_have_a_teacher_is_compared_with_its_first(problem):
    layers = [Knob("layer/b0", ("real", "sign"))]
    space = SearchSpace([*layers, Knob("teacher/hint", ("twin", "big")), Knob("weight/hint", (1.0,))])
    memory = Memory(replace(problem, space=space, costs=lambda _: {"bit_ops": 1.0}))
    compared = list(contrasts(memory.sites, memory.features, np.array([[0, 1], [1, 2]])))
    assert [(one.knob, one.choice, one.reference) for one in compared] == [
        ("layer/b0", "sign", "real"),
        ("teacher/hint", "big", "twin"),
    ]
    assert [one.chosen.tolist() for one in compared] == [[False, True], [False, True]]


def test_where_effects_multiply_each_is_the_change_where_all_other_knobs_are_the_references(memory, candidates):
    """Twenty times the sums above are logarithms: a 1-bit b0 leaves exp(-0.2) of 0.51, a point of it being added.

    Of b0 and b1 both 1-bit, exp(-0.6) is left by themselves, and exp(-0.14) of that by the two together. A teacher
    multiplies the reference network, and its weight what it makes of that.
    """
    acting = candidates[(candidates[:, :3] == 2).any(1)]
    logs = 20.0 * (np.array([accuracy(memory.sites.params(one)) for one in acting]) - 0.5)
    rows = memory.features.rows(acting)
    fit = Fit(rows, list(0.51 * np.exp(logs) - POINT), memory.features.group)
    assert fit.scale is LOGARITHM
    compared = list(contrasts(memory.sites, memory.features, acting))
    changes, errors = fit.changes(
        np.array([one.combination for one in compared]), np.array([one.base for one in compared])
    )
    found = {(one.knob, one.choice): float(change) for one, change in zip(compared, changes, strict=True)}
    expected = {
        ("layer/b0", "sign"): (0.0, -0.2),
        ("layer/b2", "sign"): (0.0, -0.6),
        ("teacher/hint", "big"): (0.0, 0.4),
    }
    expected |= {("layer/b0, layer/b1", "both cheapest"): (-0.6, -0.14), ("weight/hint", "10"): (0.3, 0.06)}
    for key, (before, change) in expected.items():
        assert found[key] == pytest.approx(0.51 * (math.exp(before + change) - math.exp(before)), abs=0.002), key
    assert (errors < 0.002).all()


def test_nineteen_of_twenty_effects_lie_within_two_standard_errors(memory, candidates):
    """20 searches of 60 scores with a noise of 0.01: 12 effects each, and the expected accuracies of the 60."""
    effects = effects_without_noise(memory, candidates[(candidates[:, :3] == 2).any(1)])
    within, expected_within = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        options = np.stack([memory.sites.random(rng) for _ in range(60)])
        rows = memory.features.rows(options)
        fit = Fit(rows, list(rows @ effects + 0.01 * rng.standard_normal(60)), memory.features.group)
        combinations = np.stack([one.combination for one in contrasts(memory.sites, memory.features, options)])
        changes, errors = fit.changes(combinations, np.zeros(combinations.shape))
        within += list(np.abs(changes - combinations @ effects) < 2 * errors)
        expected_within += list(np.abs(fit.accuracies(rows) - rows @ effects) < 2 * fit.errors(rows))
    assert 0.90 <= np.mean(within) <= 0.99
    assert 0.90 <= np.mean(expected_within) <= 0.99
