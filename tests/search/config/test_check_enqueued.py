"""What is enqueued must be a candidate of the config's own space."""

import pytest

from search.config import ConfigError, Kind, load_config
from search.plan.plan import plan_search

SECTIONS = {
    "teachers": {"big": {}},
    "space": {
        "granularity": "stage",
        "layers": {"methods": ["real", "sign", "lcb"]},
        "terms": {"angular": {}, "adversarial": {"teachers": ["none", "big"], "weight": [0.001, 0.1]}},
    },
}


@pytest.fixture
def config(write_config):
    file = write_config(**SECTIONS)

    def load(*overrides):
        return load_config(file, list(overrides))

    load.file = file
    return load


REFUSED = {
    "{layers: sgn}": ("layers", Kind.UNKNOWN, "sgn"),
    "{layers: dbs}": ("layers", Kind.CONFLICT, "dbs"),
    "{layers: {backbone: sign, stem: dbs}}": ("layers", Kind.CONFLICT, "dbs"),
    "{layers: sgn, terms: {angular: {weight: 100}}}": ("layers", Kind.UNKNOWN, "sgn"),
    "{layers: lcb, terms: {anglar: {}}}": ("terms.anglar", Kind.UNKNOWN, "anglar"),
    "{layers: lcb, terms: {fgfi: {}}}": ("terms.fgfi", Kind.CONFLICT, "fgfi"),
    "{layers: lcb, terms: {adversarial: {teacher: big}}}": ("terms.adversarial.weight", Kind.CONFLICT, 1.0),
    "{layers: lcb, terms: {adversarial: {teacher: big, weight: 1}}}": ("terms.adversarial.weight", Kind.CONFLICT, 1.0),
    "{layers: lcb, terms: {adversarial: {weight: 0.01}}}": ("terms.adversarial.teacher", Kind.CONFLICT, "twin"),
    "{layers: lcb, terms: {adversarial: {teacher: twin, weight: 0.01}}}": (
        "terms.adversarial.teacher",
        Kind.CONFLICT,
        "twin",
    ),
    "{layers: real, terms: {angular: {weight: 100.0}}}": ("terms.angular", Kind.NO_EFFECT, None),
}


@pytest.mark.parametrize("entry", REFUSED)
def test_a_candidate_of_another_space_is_one_problem_with_its_place(config, entry):
    with pytest.raises(ConfigError) as caught:
        config(f"search.enqueue=[{{layers: sign}}, {entry}]")
    (problem,) = caught.value.problems
    key, kind, value = REFUSED[entry]
    assert problem.key == f"search.enqueue.1.{key} (entry 2 of the list)"
    assert (problem.kind, problem.value) == (kind, value)
    assert str(caught.value).startswith(str(config.file))


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (
            "{layers: dbs}",
            "'dbs' is no method of space.layers. Offered are real, sign, lcb, int8, int4: name one, or add it there.",
        ),
        (
            "{layers: lcb, terms: {fgfi: {}}}",
            "is no term of space.terms, which has angular, adversarial. Add it there, or take it out here.",
        ),
        (
            "{layers: lcb, terms: {adversarial: {teacher: big}}}",
            "is left out, which means 1.0; allowed are 0.001, 0.00215, 0.00464, 0.01, 0.0215, 0.0464, 0.1, the grid of "
            "space.terms.adversarial.weight.",
        ),
        (
            "{layers: lcb, terms: {adversarial: {teacher: twin, weight: 0.01}}}",
            "is 'twin'; allowed are none, big, space.terms.adversarial.teachers.",
        ),
    ],
)
def test_the_text_says_what_the_space_allows(config, entry, text):
    with pytest.raises(ConfigError) as caught:
        config(f"search.enqueue=[{entry}]")
    assert caught.value.problems[0].text == text


def test_without_terms_there_is_none_to_enqueue(config):
    with pytest.raises(
        ConfigError, match=r"terms.angular \(entry 1 of the list\): this search has no terms\. Add it to"
    ):
        config("space.terms=null", "search.enqueue=[{layers: sign, terms: {angular: {}}}]")


def test_enqueued_candidates_are_not_checked_against_a_space_with_a_mistake(config):
    with pytest.raises(ConfigError) as caught:
        config("space.layers.methods=[real, sing]", "search.enqueue=[{layers: sign}]")
    assert [one.key for one in caught.value.problems] == ["space.layers.methods"]


def test_layers_that_do_not_offer_the_method_feel_a_term_by_their_first(config):
    overrides = ["space.layers={methods: [real, int8], open: {heads: [sign, real]}}", "space.terms={angular: {}}"]
    entry = "{{layers: {}, terms: {{angular: {{weight: 100}}}}}}"
    chosen = config(*overrides, f"search.enqueue=[{entry.format('int8')}]")
    enqueued = plan_search(chosen, None).initial[-1]
    assert set(enqueued.layers().values()) == {"int8", "sign"}
    with pytest.raises(ConfigError, match="has no effect: no layer is 1-bit"):
        config(*overrides, f"search.enqueue=[{entry.format('real')}]")


def test_layers_may_be_chosen_by_what_they_lie_in(config):
    layers = "{backbone: sign, backbone.layer3: lcb, stem: int8, heads: int4, heads.box: int8}"
    entry = f"{{layers: {layers}, terms: {{angular: {{weight: 100}}}}}}"
    enqueued = plan_search(config("search.trials=9", f"search.enqueue=[{entry}]"), None)
    chosen = enqueued.initial[-1].layers()
    assert {place: chosen[place] for place in ("backbone.layer1", "backbone.layer2", "backbone.layer3")} == {
        "backbone.layer1": "sign",
        "backbone.layer2": "sign",
        "backbone.layer3": "lcb",
    }
    assert (chosen["stem"], chosen["heads.cls"], chosen["heads.box"]) == ("int8", "int4", "int8")
    assert chosen["shortcuts"] == "real"  # named by nothing


@pytest.mark.parametrize(
    ("layers", "text"),
    [
        (
            "{backbone.layer9: sign}",
            "No layer of the space is 'backbone.layer9' or lies in it. Did you mean 'backbone.layer",
        ),
        (
            "{backbone.layer1.0: sign}",
            "'backbone.layer1.0' is a part of backbone.layer1, which has one method. Name that.",
        ),
        ("{stem: sign}", "stem is 'sign'; layer/stem allows 'real', 'int8', 'int4'."),
    ],
)
def test_layers_that_the_space_does_not_have_are_refused_when_the_search_is_planned(config, layers, text):
    with pytest.raises(ConfigError) as caught:
        plan_search(config(f"search.enqueue=[{{layers: sign}}, {{layers: {layers}}}]"), None)
    assert f"search.enqueue.1.layers (entry 2 of the list): {text}" in str(caught.value)


def test_a_term_must_act_on_a_layer_that_a_mapping_made(config):
    entry = "{{layers: {}, terms: {{angular: {{weight: 100}}}}}}"
    reversed_methods = ["search.trials=9", "space.layers.methods=[lcb, real]"]
    taken = config(*reversed_methods, f"search.enqueue=[{entry.format('{backbone.layer1: real}')}]")
    assert plan_search(taken, None).initial[-1].layers()["backbone.layer2"] == "lcb"  # named by nothing: the first
    void = config("search.trials=9", f"search.enqueue=[{entry.format('{stem: int8}')}]")
    with pytest.raises(
        ConfigError, match=r"enqueue\.0\.terms\.angular \(entry 1 of the list\): has no effect: no layer is 1"
    ):
        plan_search(void, None)


def test_a_prefix_leaves_what_does_not_offer_its_method(config):
    """With a knob for each opened layer, the first convolution lies in the backbone too, and can't be lcb."""
    overrides = ["search.trials=9", "space.layers.open_by=layer"]
    chosen = plan_search(config(*overrides, "search.enqueue=[{layers: {backbone: lcb}}]"), None).initial[-1].layers()
    assert (chosen["backbone.layer1"], chosen["backbone.conv1"]) == ("lcb", "real")
