"""Examples of what a user reads: the file, the key, what came in, what is allowed, and the way out."""

import pytest

from search.config import ConfigError, load_config

TEXTS = {
    "serch: {}": "serch: there is no such key. Did you mean search? Known here: name, seed",
    "trials: 3": "trials: there is no such key. Did you mean search.trials?",
    "teachers: {big: {epoch: 3}}": "teachers.big.epoch: there is no such key. Did you mean teachers.big.epochs?",
    "search: {enqueue: [{layers: sign}, {layer: sign}]}": (
        "search.enqueue.1.layer (entry 2 of the list): there is no such key. Did you mean search.enqueue.1.layers? "
        "Known here: layers, terms."
    ),
    "search: {trials: 0}": "search.trials: is 0, must be greater than or equal to 1.",
    "search: {trials: 3.5}": "search.trials: is 3.5, must be a whole number.",
    "space: {granularity: net}": "space.granularity: is 'net', must be 'layer', 'block' or 'stage'.",
    "search: {sampler: tpo}": "search.sampler: 'tpo' is not known. Did you mean 'tpe'? Known: ",
    "search: {objectives: [ops, ops]}": "search.objectives: names 'ops' more than once.",
    "space: {terms: {feature_hint: {teachers: [big]}}}": (
        "space.terms.feature_hint.teachers: 'big' is not known. Known: ensemble, none, twin. Add it under teachers, or "
        "name another."
    ),
    "space: {terms: {feature_hint: {teachers: [none]}}}": (
        "space.terms.feature_hint.teachers: is 'none' alone, so that the term is never used. Add a teacher, or take "
        "the term out."
    ),
    "teachers: {big: {width: 2}}\nspace: {terms: {angular: {teachers: [none, twin, big]}}}": (
        "space.terms.angular.teachers: 'big' is a ssd_resnet18 of width 2, but angular compares the student's layers "
        "with the teacher's, which must be a ssd_resnet18 of width 1 too, as twin is. Take it out here."
    ),
    "teachers: {big: {}, wide: {width: 2}}\ntrain: {terms: {angular: {teacher: ensemble}}}": (
        "train.terms.angular.teacher: 'ensemble' can't teach it: angular compares the student's layers with those of "
        "one teacher. Name one instead: twin, big."
    ),
    "teachers: {big: {detector: ssd300_vgg16}}": ("data.image_size: is 160, but ssd300_vgg16 takes 257 to 320 pixels."),
    "teachers: {big: {weights: gone.safetensors}}": (
        "teachers.big.weights: is 'gone.safetensors', but there is no such file. Give a detector that Bitfront "
        "trained, a state dict that torch.save or safetensors wrote, imagenet or coco, or null to start from scratch."
    ),
    "scoring: {adapt_steps: 0}\nspace: {terms: {feature_hint: {}, fgfi: {}}}": (
        "scoring.adapt_steps: is 0, so that what space.terms searches (feature_hint, fgfi) has no effect on scores. "
        "Adapt some steps, or take the terms out."
    ),
    "supernet: {search_losses: {angular: 10}}": (
        "supernet.search_losses: has no effect: no method of space.layers is 'dbs', whose signs they train. Take it "
        "out, or add the method."
    ),
}


@pytest.mark.parametrize("lines", TEXTS)
def test_one_mistake_is_one_line(lines, least, written, refusal):
    path = written(f"{least}{lines}\n")
    text = str(refusal(path))
    assert text.startswith(f"{path}: {TEXTS[lines]}")
    assert "\n" not in text


@pytest.mark.parametrize("key", ["student.weights", "teachers.big.weights"])
def test_weights_with_a_name_too_long_for_a_file_are_not_there(key, least, written):
    name = 300 * "x"
    with pytest.raises(ConfigError, match=rf"{key}: is '{name}', but there is no such file\. Give a"):
        load_config(written(least), [f"{key}={name}"])


def test_several_mistakes_are_counted_and_listed(written, refusal):
    path = written("name: a")
    missing = "is missing and has no default."
    assert str(refusal(path)) == f"{path}: 2 mistakes\n  data: {missing}\n  student: {missing}"


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ("name: b", "line 4: the key 'name' stands here and in line 1. Keep one of them."),
        ("seed: [1", "line 5, column 1: expected ',' or ']', but got '<stream end>'."),
        ("? [x]\n: 1", "line 4: a key is ['x']; keys are plain words."),
        ("seed: !!python/object/apply:os.getcwd []", "could not determine a constructor for the tag"),
    ],
)
def test_what_is_not_yaml_has_its_line(lines, text, least, written, refusal):
    path = written(f"{least}{lines}\n")
    error = refusal(path)
    assert str(error).startswith(f"{path}, line ")
    assert text in str(error)
    assert error.problems == ()


@pytest.mark.parametrize(("text", "value"), [("", "null"), ("- a", "[a]")])
def test_a_file_without_keys_is_no_config(text, value, written, refusal):
    path = written(text)
    wanted = "a config is a mapping of keys such as name, data, search."
    assert str(refusal(path)) == f"{path} holds {value}; {wanted}"


def test_an_unknown_preset_is_answered_with_the_known_ones(refusal):
    text = str(refusal("demos"))
    assert text.startswith("There is no config file demos and no preset of that name. Did you mean 'demo'? Presets: ad")


def test_a_file_that_is_no_text_is_refused(tmp_path, refusal):
    path = tmp_path / "search.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    assert "can't be read as UTF-8 text" in str(refusal(path))


def test_a_key_that_is_null_is_shown_as_yaml_has_it(least, written, refusal):
    assert "data.null: there is no such key" in str(refusal(written(least.replace("data: {", "data: {null: 1, "))))


@pytest.mark.parametrize(
    ("asked", "there"), [("mine.yml", "mine.yaml"), ("mine.yaml", "mine.yml"), ("mine", "mine.yaml")]
)
def test_a_config_of_the_other_ending_is_suggested(tmp_path, asked, there):
    (tmp_path / there).write_text("name: mine\n")
    with pytest.raises(ConfigError) as refused:
        load_config(tmp_path / asked)
    beside = f"Did you mean {tmp_path / there}, which lies beside it?"
    assert str(refused.value) == f"There is no config file {tmp_path / asked}. {beside}"
