import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaces.candidate import ALL_REAL, Candidate, Taught, method_of

CHOICES = {"layer/backbone.layer1.0": "sign", "teacher/hint": "twin", "weight/hint": 0.464}

keys = st.builds("{}/{}".format, st.sampled_from(["layer", "teacher"]), st.text(min_size=1))
weight_keys = st.builds("weight/{}".format, st.text(min_size=1))
numbers = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
named = st.dictionaries(keys, st.text() | st.booleans() | numbers, max_size=6)
choices = st.builds(dict.__or__, named, st.dictionaries(weight_keys, numbers, max_size=3))


def test_the_id_is_the_start_of_the_sha256_of_the_sorted_json():
    # printf '%s' '{"layer/backbone.layer1.0":"sign","teacher/hint":"twin","weight/hint":0.464}' | sha256sum
    assert Candidate(CHOICES).id == "4ad4a55fe5"
    assert Candidate(CHOICES).to_json() == json.dumps(CHOICES, separators=(",", ":"))


def test_order_of_keys_changes_nothing():
    turned = Candidate(dict(reversed(CHOICES.items())))
    assert list(turned) == sorted(CHOICES)
    assert turned == Candidate(CHOICES)
    assert turned.id == Candidate(CHOICES).id
    assert len({turned, Candidate(CHOICES)}) == 1


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_the_id_is_the_same_in_another_process(hash_seed):
    code = f"from spaces.candidate import Candidate; import sys; sys.stdout.write(Candidate({CHOICES!r}).id)"
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run([sys.executable, "-c", code], cwd=root, env=environment, capture_output=True, check=True)
    assert done.stdout == b"4ad4a55fe5"


def test_a_candidate_is_immutable():
    given_choices = dict(CHOICES)
    candidate = Candidate(given_choices)
    given_choices["weight/hint"] = 1.0
    assert candidate["weight/hint"] == 0.464
    with pytest.raises(TypeError):
        candidate["weight/hint"] = 1.0
    with pytest.raises(AttributeError):
        candidate.id = "0"
    with pytest.raises(AttributeError):
        candidate.note = "slots leave no room"
    changed = candidate.replace({"weight/hint": 1.0})
    assert (candidate["weight/hint"], changed["weight/hint"]) == (0.464, 1.0)


def test_other_values_make_another_candidate():
    ids = {Candidate({"teacher/hint": value}).id for value in (1.0, 2.0, "1.0", True)}
    assert len(ids) == 4
    assert Candidate({"weight/hint": 1.0}) != Candidate({"weight/hint": 2.0})
    assert Candidate(CHOICES) != CHOICES  # a plain dict has no id to be compared by
    assert dict(Candidate(CHOICES)) == CHOICES


def test_the_empty_candidate_is_a_candidate():
    assert Candidate({}).to_json() == "{}"
    assert Candidate.from_json("{}") == Candidate({})


@given(choices)
def test_json_and_pickle_bring_every_candidate_back(choices):
    candidate = Candidate(choices)
    for back in (Candidate.from_json(candidate.to_json()), pickle.loads(pickle.dumps(candidate))):  # noqa: S301
        assert back == candidate
        assert back.id == candidate.id
        assert {key: (type(value), value) for key, value in back.items()} == {
            key: (type(value), value) for key, value in choices.items()
        }


def test_numbers_of_numpy_are_taken_as_their_values():
    assert Candidate({"weight/hint": np.float64(0.464)}).id == Candidate({"weight/hint": 0.464}).id


@pytest.mark.parametrize("key", ["hint", "layers/backbone", "layer", "layer/", "/hint", "", 3])
def test_a_bad_key_is_named_with_the_allowed_forms(key):
    with pytest.raises(ValueError, match=r"A choice is called .*; allowed are 'layer/...', 'teacher/...' and"):
        Candidate({key: "sign"})


@pytest.mark.parametrize("value", [None, [1], {"a": 1}, b"sign", 1j])
def test_a_value_of_another_type_is_refused(value):
    with pytest.raises(ValueError, match=r"teacher/hint is .*; a choice is a str, int, float or bool"):
        Candidate({"teacher/hint": value})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_value_that_json_cannot_carry_is_refused(value):
    with pytest.raises(ValueError, match=r"weight/hint is .*; a choice must be finite"):
        Candidate({"weight/hint": value})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "this text is no JSON"),
        ("{", "this text is no JSON"),
        ("[1]", "got list"),
        ("null", "got NoneType"),
        ('{"hint": 1}', "A choice is called 'hint'"),
        ('{"weight/hint": NaN}', "must be finite"),
        ('{"weight/hint": {"a": 1}}', "a choice is a str, int, float or bool"),
    ],
)
def test_from_json_says_what_is_wrong(text, message):
    with pytest.raises(ValueError, match=message):
        Candidate.from_json(text)


def test_layers_are_the_layer_choices_alone():
    assert Candidate(CHOICES).layers() == {"backbone.layer1.0": "sign"}


def test_the_longest_prefix_decides_over_a_unit():
    layers = {"backbone": "real", "backbone.layer1": "sign", "backbone.layer1.0.conv2": "bireal"}
    assert method_of("backbone.layer1.0.conv2", layers) == "bireal"
    assert method_of("backbone.layer1.0.conv1", layers) == "sign"
    assert method_of("backbone.layer2.0.conv1", layers) == "real"
    assert method_of("head.conv", layers) is None


def test_a_prefix_ends_at_a_dot():
    assert method_of("backbone.layer10.0", {"backbone.layer1": "sign"}) is None
    assert method_of("backbone.layer1", {"backbone.layer1": "sign"}) == "sign"


def test_terms_are_those_that_somebody_teaches_and_a_missing_weight_is_one():
    choices = {
        "layer/a": "sign",
        "teacher/hint": "twin",
        "teacher/cls": "big",
        "weight/cls": 0.46,
        "teacher/box": "none",
    }
    assert Candidate({**choices, "teacher/box": "none"}).terms() == {
        "hint": Taught("twin", 1.0),
        "cls": Taught("big", 0.46),
    }


def test_of_writes_what_terms_and_layers_read():
    terms = {"hint": Taught("twin", 0.1), "cls": Taught("none")}
    candidate = Candidate.of({"a": "sign"}, terms)
    assert dict(candidate) == {"layer/a": "sign", "teacher/cls": "none", "teacher/hint": "twin", "weight/hint": 0.1}
    assert candidate.layers() == {"a": "sign"}
    assert candidate.terms() == {"hint": Taught("twin", 0.1)}
    assert not ALL_REAL


@pytest.mark.parametrize("weight", ["much", True])
def test_a_weight_is_a_number(weight):
    with pytest.raises(ValueError, match=rf"^weight/hint is {weight!r}; a loss weight is a number\.$"):
        Candidate({"teacher/hint": "twin", "weight/hint": weight})
