"""A config is checked whole, and each mistake is named with its key, what came in, and what is allowed."""

import contextlib

import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from search.config import Config, ConfigError, changed_keys, config_text, load_config, preset_names
from search.plan.space import student_spec
from spaces.candidate import Candidate
from spaces.cost import counted_proposals
from spaces.supernet import build_fixed

LEAST = "name: a\ndata: {format: shapes}\nstudent: {detector: ssd_resnet18}\n"


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "search.yaml"
        path.write_text(text)
        return path

    return write


def test_the_least_config_has_defaults_and_a_twin(written):
    config = load_config(written(LEAST))
    assert config.search.trials == 200
    assert config.search.sampler == "tpe"
    assert list(config.teachers) == ["twin"]
    assert config.teachers["twin"].epochs == 30


@pytest.mark.parametrize("preset", preset_names())
def test_every_preset_is_right_and_its_text_reads_back(preset, written):
    config = load_config(preset)
    assert load_config(written(config_text(config))) == config


@pytest.mark.parametrize(
    ("preset", "image_size", "heads", "proposals"),
    [
        ("ssd300_vgg16_voc", 300, "full", None),
        ("faster_rcnn_resnet18_voc", 800, "light", 1000),
        ("gfl_resnet18_voc", 800, "full", None),
    ],
)
def test_a_published_systems_preset_has_its_size_and_heads_and_room_for_its_images(
    preset, image_size, heads, proposals
):
    config = load_config(preset)
    assert (config.data.image_size, config.student.heads) == (image_size, heads)
    assert (config.train.layers, config.train.start, config.student.weights) == ("real", "scratch", "imagenet")
    assert 16_551 * 3 * image_size**2 <= config.data.memory_limit_mb * 2**20  # images of 07+12 trainval
    with torch.device("meta"):
        network = build_fixed(student_spec(config, 20), Candidate({}))
    assert counted_proposals(network) == proposals


MISTAKES = {
    "serch: {}": "serch: there is no such key. Did you mean search? Known here: name, seed",
    "trials: 3": "trials: there is no such key. Did you mean search.trials?",
    "search: {trails: 3}": "search.trails: there is no such key. Did you mean search.trials? Known here: trials",
    "teachers: {big: {epoch: 3}}": "teachers.big.epoch: there is no such key. Did you mean teachers.big.epochs?",
    "space: {terms: {feature_hint: {teacher: [twin]}}}": "Did you mean space.terms.feature_hint.teachers?",
    "search: {trials: 0}": "search.trials: is 0, must be greater than or equal to 1.",
    "search: {trials: 3.5}": "search.trials: is 3.5, must be a whole number.",
    "search: {workers: many}": "search.workers: is 'many', must be a whole number.",
    "search: {sampler: tpo}": "search.sampler: 'tpo' is not known. Did you mean 'tpe'? Known: nsga2, random, tpe.",
    "search: {objectives: [map]}": "search.objectives: 'map' is not known. Did you mean 'map50'? Known: bit_ops",
    "search: {objectives: [ops, ops]}": "search.objectives: names 'ops' more than once.",
    "search: {objectives: []}": "search.objectives: is [], must have one entry or more.",
    "search: {constraints: {opps: 3}}": "search.constraints: 'opps' is not known. Did you mean 'ops'?",
    "search: {constraints: {ops: 0}}": "search.constraints.ops: is 0, must be greater than 0.",
    "space: {layers: {methods: [real, sing]}}": "space.layers.methods: 'sing' is not known. Did you mean 'sign'?",
    "space: {granularity: net}": "space.granularity: is 'net', must be 'layer', 'block' or 'stage'.",
    "space: {terms: {hint: {}}}": "space.terms.hint: No distillation term is called so: 'hint' is not known.",
    "space: {terms: {feature_hint: {teachers: [big]}}}": (
        "space.terms.feature_hint.teachers: 'big' is not known. Known: ensemble, none, twin. Add it under teachers"
    ),
    "teachers: {big: {width: 2}}\nspace: {terms: {angular: {teachers: [none, twin, big]}}}": (
        "space.terms.angular.teachers: 'big' is a ssd_resnet18 of width 2, but angular compares the student's layers "
        "with the teacher's, which must be a ssd_resnet18 of width 1 too, as twin is. Take it out here."
    ),
    "space: {terms: {angular: {teachers: [none, big]}}}": "space.terms.angular.teachers: 'big' is not known.",
    "search: {enqueue: [{layers: sign, weight: 3}]}": (
        "search.enqueue.0.weight (entry 1 of the list): there is no such key. Known here: layers, terms."
    ),
    "search: {enqueue: [{layers: sign, terms: {feature_hint: {teachers: big}}}]}": (
        "search.enqueue.0.terms.feature_hint.teachers (entry 1 of the list): there is no such key. Did you mean "
        "search.enqueue.0.terms.feature_hint.teacher? Known here: teacher, weight."
    ),
    "search: {enqueue: [{layers: sign}, {layer: sign}]}": (
        "search.yaml: search.enqueue.1.layer (entry 2 of the list): there is no such key. Did you mean "
        "search.enqueue.1.layers? Known here: layers, terms."
    ),
    "space: {terms: {feature_hint: {teachers: [none]}}}": (
        "space.terms.feature_hint.teachers: is 'none' alone: nobody ever teaches it. Add a teacher, or take it out."
    ),
    "space: {layers: {methods: [real, int8]}, terms: {angular: {}}}": (
        "space.terms.angular: has no effect: no method of space.layers is 1-bit. Take the term out, or give layers"
    ),
    "space: {layers: {methods: [real], open: {heads: [real, sign]}}, terms: {amplitude: {}}}": (
        "space.terms.amplitude: has no effect: no method of space.layers is one with a learned scale."
    ),
    "space: {terms: {feature_hint: {weight: [3, 1]}}}": (
        "space.terms.feature_hint.weight: is [3, 1], must be [lowest, highest]."
    ),
    "space: {terms: {feature_hint: {weight: [0, 1]}}}": (
        "space.terms.feature_hint.weight.0 (entry 1 of the list): is 0, must be greater than 0."
    ),
    "space: {terms: {feature_hint: {weight: [1.1, 1.2]}}}": "weight: No weight lies between 1.1 and 1.2 on a grid",
    "teachers: {ensemble: {}}": "teachers.ensemble: is a reserved name",
    "teachers: {twin: {width: 2}}": "teachers.twin.width: is 2.0, but the twin has the student's",
    "teachers: {big: {detector: ssd_resnet81}}": "teachers.big.detector: 'ssd_resnet81' is not known.",
    "teachers: {big: {weights: gone.safetensors}}": "teachers.big.weights: is 'gone.safetensors', but there is no such",
    "retrain: {pick: best}": "retrain.pick: is 'best', must be knee, null or a candidate's id of 10 hex",
    "supernet: 3": "supernet: is 3, must be a mapping of keys, such as {key: value}.",
    "supernet: {batch_size: 1}": "supernet.batch_size: is 1, must be greater than or equal to 2.",
    "supernet: {learning_rate: true}": "supernet.learning_rate: is true, must be a number, not true or false.",
    "supernet: {learning_rate: .nan}": "supernet.learning_rate: is .nan, must be greater than 0.",
    "name: b": "line 4: the key 'name' stands here and in line 1. Keep one of them.",
    "seed: [1": "line 5, column 1: expected ',' or ']', but got '<stream end>'.",
    "? [x]\n: 1": "line 4: a key is ['x']; keys are plain words.",
    "seed: !!python/object/apply:os.getcwd []": "could not determine a constructor for the tag",
}


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_is_named_with_its_file_key_and_way_out(line, written):
    path = written(LEAST + line + "\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert MISTAKES[line] in str(caught.value)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds null; a config is a mapping"),
        ("- a", "holds [a]; a config is a mapping"),
        ("name: a", "2 mistakes\n  data: is missing and has no default.\n  student: is missing and has no default."),
        (LEAST.replace("name: a", "name: ../a"), "name: is '../a', must consist of letters, digits"),
        (LEAST.replace("shapes}", "vco}"), "data.format: is 'vco', must be 'voc', 'coco', 'visdrone' or 'shapes'."),
        (
            LEAST.replace("shapes}", "shapes, image_size: 64}"),
            "data.image_size: is 64, but ssd_resnet18 takes 96 to 320 pixels.",
        ),
        (LEAST.replace("shapes}", "shapes, classes: [a, a]}"), "data.classes: names 'a' more than once."),
        (
            LEAST.replace("ssd_resnet18", "ssdlite_mobilenetv2, heads: full"),
            "student.heads: is 'full', but ssdlite_mobilenetv2 can only have 'light'.",
        ),
        (
            LEAST.replace("resnet18", "resnet18, heads: full") + "teachers: {big: {detector: ssdlite_mobilenetv2}}\n",
            "teachers.big.heads: is 'full', but ssdlite_mobilenetv2 can only have 'light'.",
        ),
        (LEAST.replace("ssd_resnet18", "ssd_resnet19"), "student.detector: 'ssd_resnet19' is not known."),
    ],
)
def test_a_config_that_lacks_or_misnames_the_necessary_is_refused(text, message, written):
    with pytest.raises(ConfigError) as caught:
        load_config(written(text))
    assert message in str(caught.value)


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
def test_what_may_be_empty_may_be_null(key, written):
    config = load_config(written(LEAST), [f"{key}=null"])
    found = config.model_dump(mode="json")
    for part in key.split("."):
        found = found[part]
    assert (list(found) if key == "teachers" else found) == NONE[key]
    assert load_config(written(config_text(config))) == config


def test_an_enqueued_candidate_may_have_null_for_terms(written):
    config = load_config(written(LEAST + "search: {enqueue: [{layers: sign, terms: null}]}\n"))
    assert config.search.enqueue[0].terms == {}


ONCE = {
    "teachers: {twin: {detector: ssd_resnet81}}": "teachers.twin.detector: is 'ssd_resnet81', but the twin has",
    "teachers: {twin: {width: 2}}\nspace: {terms: {angular: {}}}": "teachers.twin.width: is 2.0, but the twin has",
    "teachers: {big: {detector: ssd_resnet81}}\nspace: {terms: {angular: {teachers: [big]}}}": (
        "teachers.big.detector: 'ssd_resnet81' is not known."
    ),
    "teachers: {big: {}}\ndata: {format: shapes, image_size: 90}": (
        "data.image_size: is 90, but ssd_resnet18 takes 96 to 320 pixels."
    ),
    "data: {format: shapes, image_size: 90}\nteachers: {big: {detector: ssd300_vgg16}}": (
        "data.image_size: is 90, but ssd_resnet18 takes 96 to 320, ssd300_vgg16 takes 257 to 320 pixels."
    ),
    "data: {format: shapes, train: val}": "data.val: is 'val', as data.train; the three sets may share no image.",
    "student: {detector: ssdlite_mobilenetv2, heads: full}\nteachers: {wide: {width: 2}}": (
        "student.heads: is 'full', but ssdlite_mobilenetv2 can only have 'light'."
    ),
    "space: {layers: {methods: [real, sing, sing]}}": "2 mistakes\n  space.layers.methods: 'sing' is not known.",
    "teachers: {big: {}}\nspace: {terms: {hint: {teachers: [none, twin, ensemble]}}}": (
        "space.terms.hint: No distillation term is called so: 'hint' is not known."
    ),
    "teachers: {big: {}}\nensemble: {members: [bg]}\nspace: {terms: {feature_hint: {teachers: [ensemble]}}}": (
        "ensemble.members: 'bg' is not known. Did you mean 'big'?"
    ),
    "space: {terms: {angular: {teachers: [none, ensemble]}}}": (
        "space.terms.angular.teachers: 'ensemble' can't teach it: angular compares the student's layers with those of "
        "one teacher. Name one instead: twin."
    ),
    "teachers: {big: {}, wide: {width: 2}}\ntrain: {terms: {angular: {teacher: ensemble}}}": (
        "train.terms.angular.teacher: 'ensemble' can't teach it: angular compares the student's layers with those of "
        "one teacher. Name one instead: twin, big."
    ),
    "train: {terms: {feature_hint: {teacher: none}}}": (
        "train.terms.feature_hint.teacher: is 'none': a term that nobody teaches is left out here. Take it out."
    ),
    "scoring: {adapt_steps: 0}\nspace: {terms: {feature_hint: {}, fgfi: {}}}": (
        "scoring.adapt_steps: is 0, so that what space.terms searches (feature_hint, fgfi) has no effect on scores. "
        "Adapt some steps, or take the terms out."
    ),
    "supernet: {search_losses: {angular: 10}}": (
        "supernet.search_losses: has no effect: no method of space.layers is 'dbs', whose signs they train. Take it "
        "out, or add the method."
    ),
    "supernet: {search_losses: {angulr: 10}}": (
        "supernet.search_losses.angulr: No distillation term that compares layers is called so: 'angulr' is not known. "
        "Did you mean 'angular'?"
    ),
    "serch: {}\nstudnt: {}": "2 mistakes\n  serch: there is no such key. Did you mean search? Known",
    "search: {enqueue: [{layer: sign}]}": "search.enqueue.0.layer (entry 1 of the list): there is no such key.",
}


@pytest.mark.parametrize("lines", ONCE)
def test_a_mistake_is_told_once(lines, written):
    """What follows from a mistake, however many checks it fails, isn't told beside it."""
    content = yaml.safe_load(LEAST) | yaml.safe_load(lines)
    path = written(yaml.safe_dump(content, sort_keys=False))
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert str(caught.value).startswith(f"{path}: {ONCE[lines]}")
    assert str(caught.value).count("\n") == (2 if ONCE[lines].startswith("2 mistakes") else 0)


@pytest.mark.parametrize("methods", ["[real, dbs]", "[real, dbs+hard]"])
def test_losses_of_searched_signs_are_right_where_signs_are_searched(methods, written):
    losses = "supernet.search_losses={angular: 10}"
    assert load_config(written(LEAST), [losses, f"space.layers.methods={methods}"]).supernet.search_losses
    opened = load_config(written(LEAST), [losses, f"space.layers.open={{heads: {methods}}}"])
    assert opened.supernet.search_losses == {"angular": 10.0}


def test_the_default_losses_of_searched_signs_are_no_mistake_in_a_run_that_searches_none(written):
    config = load_config(written(LEAST))
    assert config.supernet.search_losses == {"angular": 100.0, "amplitude": 1.0}
    assert load_config(written(config_text(config))) == config


def test_a_missing_section_that_was_misspelt_is_told_once(written):
    with pytest.raises(ConfigError) as caught:
        load_config(written(LEAST.replace("student", "stuent")))
    assert "search.yaml: stuent: there is no such key. Did you mean student? Known here: name" in str(caught.value)


def test_all_mistakes_are_told_at_once(written):
    with pytest.raises(ConfigError, match=r"2 mistakes\n  search.trials: .*\n  search.wrkers: "):
        load_config(written(LEAST + "search: {trials: 0, wrkers: 2}\n"))


def test_an_unknown_preset_is_answered_with_the_known_ones():
    with pytest.raises(
        ConfigError,
        match=r"There is no config file demos and .* Did you mean 'demo'\? Presets: adversarial_ssd_search, ",
    ):
        load_config("demos")


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "search.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="can't be read as UTF-8 text"):
        load_config(path)


def test_overrides_are_laid_over_the_file_in_their_order(written):
    overrides = ["search.trials=5", "search.trials=7", "teachers.big.epochs=3", "space.layers.methods=[real, sign]"]
    config = load_config(written(LEAST), overrides)
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
def test_an_override_that_does_not_work_is_refused(override, message, written):
    with pytest.raises(ConfigError) as caught:
        load_config(written(LEAST), [override])
    assert message in str(caught.value)


def test_a_long_override_is_cut_so_that_the_mistake_is_what_is_read(written):
    terms = "space.terms={feature_hint: {teachers: [none, twin], weight: [0.1, 10.0]}, fgfi: {}, joint_cls: {}}"
    with pytest.raises(ConfigError) as caught:
        load_config(written(LEAST), [terms, "seed=1", "seed=2", "seed=3", "search.trails=3"])
    beginning = "search.yaml with --set space.terms={feature_hint: {teachers:... --set seed=1 --set seed=2 and 2 more: "
    assert f"{beginning}search.trails: there is no such key." in str(caught.value)
    with pytest.raises(
        ConfigError, match=r"^--set data\.classes=\[aaaaaaaaaaaaaaaaaaaaaaa\.\.\.: the value is no YAML, "
    ):
        load_config(written(LEAST), [f"data.classes=[{'a' * 500}"])
    with pytest.raises(ConfigError, match=r"^--set name: b seed: 3: must have the form key=value"):
        load_config(written(LEAST), ["name: b\nseed: 3"])


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


def test_a_key_that_is_null_is_told_as_yaml_has_it(written):
    with pytest.raises(ConfigError, match=r"data\.null: there is no such key"):
        load_config(written(LEAST.replace("data: {", "data: {null: 1, ")))


def test_a_term_brings_its_range_of_weights_and_a_given_one_stays(written):
    terms = "{fgfi: {}, angular: {teachers: [twin]}, adversarial: {weight: [0.1, 10.0]}, feature_hint: {}}"
    config = load_config(written(f"{LEAST}space: {{terms: {terms}}}\n"))
    ranges = {"fgfi": (0.01, 1.0), "angular": (10.0, 1000.0), "adversarial": (0.1, 10.0), "feature_hint": (0.1, 100.0)}
    assert {name: term.weight for name, term in config.space.terms.items()} == ranges
    assert load_config(written(config_text(config))) == config


def test_a_method_that_is_none_is_not_blamed_on_a_term(written):
    with pytest.raises(ConfigError, match="'sing' is not known") as caught:
        load_config(written(LEAST + "space: {layers: {methods: [real, sing]}, terms: {angular: {}}}\n"))
    assert "angular" not in str(caught.value)
    opened = "space: {layers: {methods: [real], open: {heads: [real, sign]}}, terms: {angular: {}}}\n"
    assert list(load_config(written(LEAST + opened)).space.terms) == ["angular"]


def test_what_may_change_on_a_resume_is_no_change(written):
    old = load_config(written(LEAST))
    allowed = [
        "search.trials=9",
        "search.workers=2",
        "search.address=head:6379",
        "retrain.epochs=3",
        "retrain.pick=null",
    ]
    assert changed_keys(old, load_config(written(LEAST), allowed)) == {}
    forbidden = ["seed=1", "search.sampler=random", "teachers.big.epochs=3"]
    changed = changed_keys(old, load_config(written(LEAST), forbidden))
    assert list(changed)[:2] == ["search.sampler", "seed"]
    assert changed["seed"] == (0, 1)
    assert "teachers.big.epochs" in changed
