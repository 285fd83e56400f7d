import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaces.published.prefixes import PREFIXES, is_ema, prefixes_of, without_prefix


@pytest.mark.parametrize("word", PREFIXES)
def test_each_word_is_a_prefix(word):
    assert prefixes_of([f"{word}conv1.weight"]) == ["", word]


def test_each_beginning_of_a_chain_is_a_prefix():
    assert prefixes_of(["module._orig_mod.model.backbone.conv1.weight", "module.fc.bias"]) == [
        "",
        "module.",
        "module._orig_mod.",
        "module._orig_mod.model.",
        "module._orig_mod.model.backbone.",
    ]


@pytest.mark.parametrize("name", ["conv1.weight", "backbones.conv1.weight", "model", "layer1.model.weight", "", "."])
def test_other_names_have_none(name):
    assert prefixes_of([name]) == [""]


def test_a_chain_of_more_words_than_anybody_writes_is_cut():
    assert len(prefixes_of(["module." * 1000 + "weight"])) == 1 + 8


def test_the_order_of_the_names_does_not_matter():
    names = ["model.a", "module.a", "net.model.a"]
    assert prefixes_of(names) == prefixes_of(names[::-1]) == ["", "model.", "module.", "net.", "net.model."]


def test_a_prefix_is_removed_where_it_stands_and_other_names_stay():
    assert without_prefix(["model.conv1.weight", "head.weight"], "model.") == {
        "conv1.weight": "model.conv1.weight",
        "head.weight": "head.weight",
    }


def test_a_name_that_is_taken_already_gives_way():
    assert without_prefix(["a", "model.a"], "model.") == {"a": "model.a", "a without model.": "a"}


words = st.sampled_from(["a", "b", *(word[:-1] for word in PREFIXES)])


@given(st.sets(st.lists(words, min_size=1, max_size=4).map(".".join)))
def test_no_name_is_lost_and_without_a_prefix_all_stay(own):
    assert without_prefix(own, "") == {name: name for name in own}
    for prefix in prefixes_of(own):
        found = without_prefix(own, prefix)
        assert sorted(found.values()) == sorted(own)
        assert all(found[name.removeprefix(prefix)] == name for name in own if name.startswith(prefix))


def test_a_moving_average_is_known_by_its_prefix():
    assert [is_ema(prefix) for prefix in ("ema.", "module.model_ema.", "module.", "")] == [True, True, False, False]
