"""A config is read with its defaults, presets and overrides; the text of a loaded one reads back."""

import contextlib
import pickle
import subprocess
import sys

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from search.config import Config, ConfigError, Kind, changed_keys, config_text, load_config, preset_names
from search.plan.detectors import student_spec
from spaces.candidate import Candidate
from spaces.detectors import counted_proposals
from spaces.supernet import build_fixed
from spaces.without_values import without_values
from trainers.data.augmentation import USUAL, Augmentation


def test_the_least_config_has_defaults_and_a_twin(least, written):
    config = load_config(written(least))
    assert config.search.trials == 200
    assert config.search.sampler.name == "structured"
    assert list(config.teachers) == ["twin"]
    assert config.teachers["twin"].epochs == 30


@pytest.mark.parametrize("preset", preset_names())
def test_every_preset_is_right_and_its_text_reads_back(preset, written):
    config = load_config(preset)
    assert load_config(written(config_text(config))) == config


@pytest.mark.parametrize(
    ("preset", "size", "heads", "proposals"),
    [
        ("ssd300_vgg16_voc", (300, 300), "full", None),
        ("faster_rcnn_resnet18_voc", (600, 1000), "light", 1000),
        ("gfl_resnet18_voc", (800, 1333), "full", None),
        ("gfl_resnet18_coco", (800, 1333), "full", None),
        ("lws_det_coco", (800, 1333), "light", 1000),
        ("jdbnet_visdrone", (800, 1333), "light", 1000),
    ],
)
def test_a_published_systems_preset_has_its_size_and_heads(preset, size, heads, proposals):
    config = load_config(preset)
    spec = student_spec(config.student, config.data, 20)
    assert (spec.input_size, config.student.heads, config.student.weights) == (size, heads, "imagenet")
    with without_values():
        network = build_fixed(spec, Candidate({}))
    assert counted_proposals(network) == proposals


def test_ssds_published_augmentation_and_room_for_its_images():
    data = load_config("ssd300_vgg16_voc").data
    published = Augmentation(photometric=True, expand=0.5, iou_crop=True, crops=False, colours=False)
    assert Augmentation(**data.augment.model_dump()) == published
    assert Augmentation(**load_config("demo").data.augment.model_dump()) == USUAL
    images = 16_551  # of 07+12 trainval
    assert images * 3 * 300**2 <= data.memory_limit_mb * 2**20


NONE = {
    "ensemble": {"mode": "sum_losses", "members": None},
    "teachers": ["twin"],
    "space.terms": {},
    "space.layers.keep_real": [],
    "space.layers.open": {},
    "supernet.search_losses": {},
    "search.constraints": {},
    "search.enqueue": [],
    "train.terms": {},
}


@pytest.mark.parametrize("key", NONE)
def test_what_may_be_empty_may_be_null(key, least, written):
    config = load_config(written(least), [f"{key}=null"])
    value = config.model_dump(mode="json")
    for part in key.split("."):
        value = value[part]
    assert (list(value) if key == "teachers" else value) == NONE[key]
    assert load_config(written(config_text(config))) == config


def test_an_enqueued_candidate_may_have_null_for_terms(least, written):
    config = load_config(written(least + "search: {enqueue: [{layers: real, terms: null}]}\n"))
    assert config.search.enqueue[0].terms == {}


def test_overrides_are_laid_over_the_file_in_their_order(least, written):
    overrides = ["search.trials=5", "search.trials=7", "teachers.big.epochs=3", "space.layers.methods=[real, sign]"]
    config = load_config(written(least), overrides)
    assert config.search.trials == 7
    assert config.teachers["big"].epochs == 3
    assert config.space.layers.methods == ("real", "sign")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("search.trials", "--set search.trials: must have the form key=value"),
        ("=3", "--set =3: must have the form key=value"),
        ("search..trials=3", "must have the form key=value"),
        ("name.x=1", "--set name.x=1: name is 'a', which has no keys."),
        ("seed=[1", "--set seed=[1: the value is no YAML, line 1"),
        (
            "search.trails=3",
            "search.yaml with --set search.trails=3: search.trails: there is no such key. Did you mean",
        ),
    ],
)
def test_an_override_that_does_not_work_is_refused(override, message, least, written):
    with pytest.raises(ConfigError) as caught:
        load_config(written(least), [override])
    assert message in str(caught.value)


def test_a_long_override_is_cut_so_that_the_mistake_is_what_is_read(least, written):
    terms = "space.terms={feature_hint: {teachers: [none, twin], weight: [0.1, 10.0]}, fgfi: {}, joint_cls: {}}"
    with pytest.raises(ConfigError) as caught:
        load_config(written(least), [terms, "seed=1", "seed=2", "seed=3", "search.trails=3"])
    beginning = "search.yaml with --set space.terms={feature_hint: {teachers:... --set seed=1 --set seed=2 and 2 more: "
    assert f"{beginning}search.trails: there is no such key." in str(caught.value)
    with pytest.raises(
        ConfigError, match=r"^--set data\.classes=\[aaaaaaaaaaaaaaaaaaaaaaa\.\.\.: the value is no YAML, "
    ):
        load_config(written(least), [f"data.classes=[{'a' * 500}"])
    with pytest.raises(ConfigError, match=r"^--set name: b seed: 3: must have the form key=value"):
        load_config(written(least), ["name: b\nseed: 3"])


PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)


@settings(max_examples=25, deadline=None)
@given(classes=st.lists(st.text(min_size=1, max_size=8), unique=True, max_size=4), seed=st.integers(0, 2**40))
def test_any_value_can_be_given_as_an_override(classes, seed):
    flow = yaml.safe_dump(classes, default_flow_style=True, width=10**6)
    config = load_config("demo", [f"data.classes={flow}", f"seed={seed}"])
    assert config.data.classes == tuple(classes)
    assert config.seed == seed
    assert Config.model_validate(yaml.safe_load(config_text(config))) == config


@settings(max_examples=50, deadline=None)
@given(key=st.text(max_size=12), value=PLAIN)
def test_no_override_ends_in_anything_but_a_config_or_a_config_error(key, value):
    with contextlib.suppress(ConfigError):
        assert load_config("demo", [f"{key}={value}"]).name


def test_a_term_brings_its_range_of_weights_and_a_given_one_stays(least, written):
    terms = "{fgfi: {}, angular: {teachers: [twin]}, adversarial: {weight: [0.1, 10.0]}, feature_hint: {}}"
    config = load_config(written(f"{least}space: {{terms: {terms}}}\n"))
    ranges = {"fgfi": (0.01, 1.0), "angular": (10.0, 1000.0), "adversarial": (0.1, 10.0), "feature_hint": (0.1, 100.0)}
    assert {name: term.weight for name, term in config.space.terms.items()} == ranges
    assert load_config(written(config_text(config))) == config


def test_what_may_change_on_a_resume_is_no_change(least, written):
    old = load_config(written(least))
    allowed = [
        "search.trials=9",
        "search.workers=2",
        "search.address=head:6379",
        "search.resources.gpu=0.25",
        "retrain.epochs=3",
        "retrain.pick=null",
    ]
    assert changed_keys(old, load_config(written(least), allowed)) == {}
    forbidden = ["seed=1", "search.sampler=random", "teachers.big.epochs=3"]
    changed = changed_keys(old, load_config(written(least), forbidden))
    assert list(changed)[:2] == ["search.sampler", "seed"]
    assert changed["seed"] == (0, 1)
    assert "teachers.big.epochs" in changed


def test_an_error_keeps_its_problems_between_processes(least, written, refusal):
    error = refusal(written(least + "search: {trials: 0}"))
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert str(copy) == str(error)
    assert [(one.key, one.kind) for one in copy.problems] == [("search.trials", Kind.NOT_ALLOWED)]


def test_a_mistake_in_a_configs_form_is_reported_without_torch(tmp_path):
    """Importing it takes seconds."""
    code = """
import sys
from search.cli.app import app
try:
    app(["search", sys.argv[1], *sys.argv[2:]])
except SystemExit as end:
    print(end.code, "torch" in sys.modules)
"""
    for arguments in (["nosuch.yaml"], ["demo", "--set", "seed=x"], ["demo", "--set", "space.terms.fgfi.weight=3"]):
        done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=tmp_path)
        assert done.stdout == "2 False\n", done.stderr
