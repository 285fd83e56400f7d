"""One wrong value, one message, in the words of the YAML that people write."""

import copy
import datetime
import re

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from search.config import ConfigError, Kind, config_text, load_config, with_section
from search.config.messages import cut, yaml_text

RICH = """
name: rich
data: {format: shapes, image_size: 96}
student: {detector: ssd_resnet18, width: 0.125}
teachers: {big: {detector: ssd_resnet34, width: 0.25, heads: light}, same: {}}
ensemble: {members: [twin, big]}
space:
  layers: {methods: [real, sign, dbs], keep_real: [backbone.layer1], open: {heads: [real, int8]}}
  terms:
    feature_hint: {teachers: [none, twin, big, ensemble], weight: [0.1, 10.0]}
    angular: {teachers: [none, twin, same], weight: [10.0, 100.0]}
supernet: {search_losses: {angular: 10.0}}
scoring: {rungs: [{adapt_steps: 0}, {adapt_steps: 20}]}
search:
  constraints: {bit_ops: 1.0e+13}
  enqueue: [{layers: sign, terms: {feature_hint: {teacher: big, weight: 1.0}, angular: {weight: 10.0}}}]
train: {layers: dbs, terms: {angular: {teacher: twin, weight: 1.0}, feature_hint: {teacher: ensemble}}}
"""
PYTHON = r"tuple|dictionary|valid |string|boolean|integer|parse|\bset\b|instance|None|True|False|model"
"""Words that mean something to those who write Python."""


def places(tree, path=()):
    """Every place in a tree of mappings and lists, as the keys that lead there."""
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        yield (*path, key)
        yield from places(value, (*path, key))


def at(tree, path):
    for key in path:
        tree = tree[key]
    return tree


@pytest.fixture(scope="module")
def rich(tmp_path_factory):
    """A config that sets every kind of key."""
    file = tmp_path_factory.mktemp("rich") / "rich.yaml"
    file.write_text(RICH)
    file.write_text(config_text(load_config(file)))
    return load_config(file)


def refusal(config, tree, path):
    """The lines that report the section of `tree` in which `path` lies, when it is put into the config."""
    try:
        with_section(config, path[0], tree[path[0]], "rich")
    except ConfigError as error:
        return str(error).removeprefix("rich: ").split("\n  ")
    return []


def test_one_wrong_value_gives_one_message(rich):
    whole, refused = yaml.safe_load(config_text(rich)), 0
    for path in places(whole):
        *parents, last = path
        if isinstance(at(whole, path), dict | list):
            continue
        for wrong in ("wrong", -1, 2.5, True, [], {"wrong": 1}, "none", "ensemble"):
            tree = copy.deepcopy(whole)
            at(tree, parents)[last] = wrong
            lines = refusal(rich, tree, path)
            assert len(lines) <= 1, (path, wrong, lines)
            refused += len(lines)
    assert refused > 700


def test_a_misspelt_key_gives_one_message_with_the_right_one(rich):
    whole = yaml.safe_load(config_text(rich))
    keys = [path for path in places(whole) if len(path) > 1 and isinstance(path[-1], str) and path[0] != "teachers"]
    assert ("search", "enqueue", 0, "layers") in keys
    assert ("data", "format") in keys
    for path in keys:
        *parents, last = path
        tree = copy.deepcopy(whole)
        section = {(f"{key[:-1]}q" if key == last else key): value for key, value in at(whole, parents).items()}
        at(tree, parents).clear()
        at(tree, parents).update(section)
        lines = refusal(rich, tree, path)
        assert len(lines) == 1, (path, lines)
        assert re.search(rf"Did you mean '?({re.escape('.'.join(map(str, path)))}|{last})[?']", lines[0]), lines


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates()
VALUES = (
    VALUES | st.lists(VALUES, max_size=2) | st.dictionaries(st.text(max_size=4) | st.integers(), VALUES, max_size=2)
)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), value=VALUES)
def test_no_message_speaks_of_python(rich, data, value):
    tree = yaml.safe_load(config_text(rich))
    path = data.draw(st.sampled_from(list(places(tree))))
    at(tree, path[:-1])[path[-1]] = value
    for line in refusal(rich, tree, path):
        words = re.sub(r"^.*?: |is ('.*'|\".*\"|\[.*\]|\{.*\})[,;]|text: put it in quotes", "", line)
        assert not re.search(PYTHON, words), line


LIST, NUMBER = "must be a list, such as [a, b].", "must be a number."
EXPECTED = {
    ("search.objectives", "map50"): f"is 'map50', {LIST}",
    ("search.objectives", "{map50: 1}"): f"is {{map50: 1}}, {LIST}",
    ("search.resources.gpu", "1.5"): "is 1.5, must be 0, a part of one GPU from 0.001 to 1, or a whole number of GPUs.",
    ("search.constraints", "[ops]"): "is [ops], must be a mapping of names, such as {name: value}.",
    ("space.terms.feature_hint", "twin"): "is 'twin', must be a mapping of keys, such as {key: value}.",
    ("scoring", "null"): "is null, must be a mapping of keys, such as {key: value}, or {} for the defaults.",
    ("data", "null"): "is null, must be a mapping of keys, such as {key: value}.",
    ("name", "2026-11-21"): "is 2026-11-21, must be text: put it in quotes.",
    ("name", "null"): "is null, must be text.",
    ("search.trials", "'3'"): "is '3', must be a whole number.",
    ("student.width", "wide"): f"is 'wide', {NUMBER}",
    ("data.download", "maybe"): "is 'maybe', must be true or false.",
    ("space.terms.feature_hint.weight", "[1]"): "is [1], must be two numbers, [lowest, highest].",
    ("space.layers.methods", "[]"): "is [], must have one entry or more.",
    ("data.format", "3"): "is 3, must be 'voc', 'coco', 'visdrone', 'yolo' or 'shapes'.",
    ("data.format", "[]"): "is [], must be 'voc', 'coco', 'visdrone', 'yolo' or 'shapes'.",
    ("data.format", "vco"): "is 'vco', must be 'voc', 'coco', 'visdrone', 'yolo' or 'shapes' (did you mean 'voc'?).",
}


@pytest.mark.parametrize(("key", "value"), EXPECTED)
def test_a_value_of_another_type_is_answered_with_the_right_one(key, value):
    with pytest.raises(ConfigError) as caught:
        load_config("demo", [f"{key}={value}"])
    assert str(caught.value).endswith(f": {key}: {EXPECTED[key, value]}")


@pytest.mark.parametrize(
    ("key", "value", "kind"),
    [
        ("name", 3, Kind.WRONG_TYPE),
        ("student.detector", ["a"], Kind.WRONG_TYPE),
        ("search.trials", True, Kind.WRONG_TYPE),
        ("search.trials", float("inf"), Kind.WRONG_TYPE),
        ("student.width", [1], Kind.WRONG_TYPE),
        ("student.width", float("inf"), Kind.NOT_ALLOWED),
        ("data.download", 3, Kind.WRONG_TYPE),
        ("space.terms.feature_hint.weight", 1, Kind.NOT_ALLOWED),
        ("space.terms.feature_hint.weight", [1, 2, 3], Kind.NOT_ALLOWED),
    ],
)
def test_a_wrong_type_and_a_value_that_is_not_allowed_are_told_apart(key, value, kind):
    with pytest.raises(ConfigError) as caught:
        load_config("demo", [f"{key}={yaml.safe_dump(value, default_flow_style=True).removesuffix('...')}"])
    assert [(one.key, one.kind, one.value) for one in caught.value.problems] == [(key, kind, value)]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("teachers.big={1: x}", "teachers.big.1: there is no such key. Known here: optimizer, momentum, "),
        ("teachers={3: {epoch: x}}", "teachers.3: the name is 3, must be text: put it in quotes."),
        ("teachers={a/b: {}}", "teachers.a/b: the name is 'a/b', must consist of letters, digits,"),
    ],
)
def test_a_wrong_name_is_reported_without_the_values_behind_it(override, message):
    with pytest.raises(ConfigError) as caught:
        load_config("demo", [override])
    assert f"--set {override}: {message}" in str(caught.value)
    assert " mistakes" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        ("3", "'3'"),
        ([None, {"a": False}], "[null, {a: false}]"),
        (datetime.date(2026, 11, 21), "2026-11-21"),
        ("x" * 59, f"'{'x' * 56}..."),
        (list(range(100)), "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16..."),
    ],
)
def test_a_value_is_shown_as_yaml_has_it_and_cut_where_it_is_long(value, text):
    assert yaml_text(value) == text
    assert len(yaml_text(value)) <= 60


def test_what_is_cut_is_one_line():
    assert cut("a:\n  - b", 20) == "a: - b"
    assert cut("0123456789", 10) == "0123456789"
    assert cut("01234567890", 10) == "0123456..."
