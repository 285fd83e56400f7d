import pytest

from search.config.strict_yaml import YamlError, parse_yaml


def test_merged_keys_stand_behind_a_mappings_own():
    text = "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: {y: 4, <<: *a}\n"
    assert parse_yaml(text) == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}, "c": {"x": 1, "y": 4}}


def test_a_key_twice_is_refused_beside_merged_ones_too():
    with pytest.raises(YamlError, match=r"^line 5: the key 'y' stands here and in line 4\. Keep one of them\.$"):
        parse_yaml("a: &a {x: 1}\nb:\n  <<: *a\n  y: 3\n  y: 4")


@pytest.mark.parametrize("merged", ["3", "[1]", "word"])
def test_what_cannot_be_merged_is_told_with_its_line(merged):
    with pytest.raises(YamlError, match=r"^line 2, column \d+: "):
        parse_yaml(f"a: 1\nb: {{<<: {merged}}}")
