"""What the model adds to the records of a search whose accuracy is a sum over knobs."""

import math
import random

import pytest

from results.effects import Effect
from search.stages.accuracy_model import ModelTables


@pytest.fixture
def tables(space, costs):
    return ModelTables(space, costs, ("map50", "bit_ops"), saved="bit_ops")


@pytest.fixture
def records(space, score, costs):
    """40 candidates; the last one failed."""
    rng = random.Random(0)
    candidates = [space.canonical(space.sample(rng)) for _ in range(40)]
    rows = [
        {"number": n, "id": one.id, "state": "complete", "reason": None, **one, **score(one).metrics, **costs(one)}
        for n, one in enumerate(candidates)
    ]
    figures = {"map50", "map50_11", *costs(candidates[0])}
    failed = {key: value for key, value in rows[-1].items() if key not in figures}
    return [*rows[:-1], failed | {"state": "failed", "reason": "diverged"}]


def test_complete_trials_get_the_expectation_and_its_error_beside_the_score(tables, records):
    modelled, _ = tables.of(records)
    names = list(modelled[0])
    assert names[names.index("map50") :][:4] == ["map50", "map50_model", "map50_model_se", "map50_11"]
    for before, after in zip(records, modelled, strict=True):
        assert {key: after[key] for key in before} == before
    for row in modelled[:-1]:
        assert row["map50_model"] == pytest.approx(row["map50"], abs=5e-3)
        assert 0 < row["map50_model_se"] < 5e-3
    assert modelled[-1] == records[-1]


def test_effects_are_those_that_the_score_was_made_of(tables, records):
    _, [model] = tables.of(records)
    effects = {(one.knob, one.choice): one for one in model.effects}
    for i in range(6):
        assert effects[f"layer/b{i}", "sign"].effect == pytest.approx(-0.05, abs=2e-3)
        assert effects[f"layer/b{i}", "bireal"].effect == pytest.approx(-0.03, abs=2e-3)
    assert effects["teacher/hint", "twin"].effect == pytest.approx(0.01, abs=2e-3)
    assert effects["weight/hint", "10"].effect == pytest.approx(0.0, abs=2e-3)
    assert (model.accuracy, model.cost, model.scores) == ("map50", "bit_ops", 39)
    assert model.r2_left_out > 0.99
    assert model.noise_sd < 2e-3


def test_effects_that_multiply_are_changes_of_the_network_of_reference_choices(space, costs, records):
    """0.8 for the network of reference choices; each sign layer leaves half of it, each bireal layer two thirds."""
    left = {"sign": 0.5, "bireal": 2 / 3}
    for row in records[:-1]:
        row["map50"] = 0.81 * math.prod(left.get(row[f"layer/b{i}"], 1.0) for i in range(6)) - 0.01
    modelled, [model] = ModelTables(space, costs, ("map50", "bit_ops"), saved="bit_ops").of(records)
    assert model.scale == "logarithm"
    effects = {(one.knob, one.choice): one for one in model.effects}
    for i in range(6):
        assert effects[f"layer/b{i}", "sign"].effect == pytest.approx(-0.405, abs=0.01)
        assert effects[f"layer/b{i}", "bireal"].effect == pytest.approx(-0.27, abs=0.01)
    for row in modelled[:-1]:
        assert row["map50_model"] == pytest.approx(row["map50"], abs=0.01)


def test_an_effect_says_what_it_saves_and_how_many_trials_made_the_choice(tables, records):
    _, [model] = tables.of(records)
    [sign] = [one for one in model.effects if (one.knob, one.choice) == ("layer/b2", "sign")]
    chose = sum(row["layer/b2"] == "sign" for row in records[:-1])
    assert sign == Effect(
        kind="layer",
        knob="layer/b2",
        choice="sign",
        reference="real",
        effect=sign.effect,
        effect_se=sign.effect_se,
        trials=chose,
        saved=1023.0,  # a real layer has 1024, another one 1
        saved_percent=pytest.approx(100 * 1023 / 6144),
    )


def test_the_model_has_every_accuracy_that_was_optimised(space, costs, records):
    tables = ModelTables(space, costs, ("map50_11", "bit_ops", "map50"), saved="bit_ops")
    modelled, models = tables.of(records)
    assert [one.accuracy for one in models] == ["map50_11", "map50"]
    assert modelled[0]["map50_11_model"] == modelled[0]["map50_model"]


def test_too_few_scores_make_no_model(tables, records):
    modelled, models = tables.of(records[:5])
    assert models == []
    assert all(math.isnan(row["map50_model"]) and math.isnan(row["map50_model_se"]) for row in modelled)
    assert tables.of([]) == ([], [])
    assert tables.of(records[-1:]) == (records[-1:], [])


def test_each_rung_has_a_model_of_its_own_and_the_effects_are_those_of_the_highest(tables, records):
    """At rung 1 every score is 0.1 higher, and a sign layer costs nothing."""
    first = [{**record, "rung": 0} for record in records[:-1]]
    signs = [sum(one[f"layer/b{i}"] == "sign" for i in range(6)) for one in first]
    second = [{**one, "rung": 1, "map50": one["map50"] + 0.1 + 0.05 * n} for one, n in zip(first, signs, strict=True)]
    modelled, [model] = tables.of([*first, *second])
    for row in modelled:
        assert row["map50_model"] == pytest.approx(row["map50"], abs=5e-3)
    effects = {(one.knob, one.choice): one.effect for one in model.effects}
    assert effects["layer/b0", "sign"] == pytest.approx(0.0, abs=2e-3)
    assert model.scores == 39
    _, [fallen_back] = tables.of([*first, *second[:5]])
    assert fallen_back == tables.of(first)[1][0]
