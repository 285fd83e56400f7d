"""What an engineer would try by hand, as candidates of a space with an opened stem, shortcuts and heads."""

from types import SimpleNamespace

import pandas as pd
import pytest

from search.comparison.rivals import hand_made, nearest_wider
from search.plan.plan import plan_search
from spaces.candidate import Candidate
from spaces.space import Knob

SPACE = {
    "granularity": "stage",
    "layers": {
        "methods": ["real", "int8", "int4", "sign", "bireal"],
        "open": {"stem": ["real", "int8"], "heads": ["real", "int8", "int4"]},
    },
    "terms": {"feature_hint": {}},
}


@pytest.mark.parametrize(
    ("choices", "wanted", "method"),
    [
        (("real", "int8", "sign"), "int8", "int8"),
        (("real", "int8", "sign"), "int4", "int8"),
        (("real", "sign"), "int8", "real"),
        (("real", "bireal"), "sign", "bireal"),  # as narrow
        (("int8", "int4"), "real", "int8"),  # nothing is so wide
    ],
)
def test_a_knob_without_the_method_gets_the_nearest_wider(choices, wanted, method):
    assert nearest_wider(Knob("layer/a", choices), wanted) == method


@pytest.fixture(scope="module")
def plan(tiny_config):
    return plan_search(tiny_config(space=SPACE), None)


def scored(plan, **scores):
    """A run in which these uniform candidates have scores."""
    rows = [
        {"id": plan.space.canonical(plan.space.uniform(name)).id, "state": "complete", "rung": 0, "map50": score}
        for name, score in scores.items()
    ]
    return SimpleNamespace(trials=pd.DataFrame(rows), rungs=[0], y="map50")


def test_the_rules_of_thumb_with_the_best_1_bit_method(plan):
    real = plan.space.canonical(plan.space.uniform("real"))
    rivals = {one.name: one.candidate.layers() for one in hand_made(plan, scored(plan, sign=0.1, bireal=0.2), [real])}
    assert list(rivals) == [
        "all real",
        "all int8",
        "all int4, int8 elsewhere",
        "all bireal, int8 and int4 elsewhere",
        "last 1 of 4 blocks bireal, rest int8",
        "last 2 of 4 blocks bireal, rest int8",
        "last 3 of 4 blocks bireal, rest int8",
        "stem and heads int8, rest bireal",
    ]
    stem, blocks = "stem", [f"backbone.layer{stage}" for stage in (1, 2, 3, 4)]
    heads = ["heads.cls", "heads.box"]

    def methods(name):
        layers = rivals[name]
        return layers[stem], [layers[block] for block in blocks], {layers[head] for head in heads}

    assert methods("all int4, int8 elsewhere") == ("int8", ["int4"] * 4, {"int4"})
    assert methods("all bireal, int8 and int4 elsewhere") == ("int8", ["bireal"] * 4, {"int4"})
    assert methods("last 2 of 4 blocks bireal, rest int8") == ("int8", ["int8"] * 2 + ["bireal"] * 2, {"int8"})
    assert methods("stem and heads int8, rest bireal") == ("int8", ["bireal"] * 4, {"int8"})


def test_a_rival_has_the_teachers_of_the_member_that_costs_as_much(plan):
    taught = {"teacher/feature_hint": "twin", "weight/feature_hint": 1.0}
    dear = plan.space.canonical(plan.space.uniform("real"))
    cheap = plan.space.canonical(Candidate({**plan.space.complete(plan.space.uniform("sign")), **taught}))
    rivals = {one.name: one.candidate for one in hand_made(plan, scored(plan, sign=0.2), [dear, cheap])}
    assert rivals["all real"]["teacher/feature_hint"] == "none"
    assert {key: rivals["all sign, int8 and int4 elsewhere"][key] for key in taught} == taught
