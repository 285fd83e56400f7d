"""Trainings that are refused: for their config, their candidate, their folder or this machine."""

import pytest
import torch

from search.config import ConfigError
from search.stages.search import run_search
from search.stages.train import run_train, with_candidate
from spaces.candidate import Candidate
from trainers.progress import SilentProgress


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.layers=dbz", "train.layers: 'dbz' is not known. Did you mean 'dbs'?"),
        ("train.layers=sign+soft", "train.layers: sign has no option 'soft'"),
        ("train.terms={hint: {}}", "train.terms.hint: 'hint' is not known"),
        ("train.terms={feature_hint: {teacher: big}}", "train.terms.feature_hint.teacher: 'big' is not known"),
        ("train.layers=[sign]", r"train.layers: is \[sign\], must be a method, or a mapping of modules to methods"),
        ("train.layers={'': sign}", "train.layers: names a layer ''"),
        (
            "train.layers=sign+prelo",
            "train.layers: sign has no option 'prelo'. It has: bases2, gate, input_norm, learned_scale, normalised",
        ),
        (
            "train.layers=react+normalised+periodic",
            "periodic' asks for 2 rules for its weights",
        ),
        (
            "train.layers=sign+learned_scale+resilient",
            "resilient has a learned scale of its own; leave learned_sc",
        ),
        (
            "train.layers=react+bases2+periodic",
            "periodic is of one binary weight; with bases2, take normalised, rectified or none",
        ),
        ("train.layers=react+prelu", "train.layers: react has no option 'prelu'"),
        ("train.layers=adabin+gate", "train.layers: adabin has no option 'gate'. It has: pad_minus_one"),
        ("train.layers=real+prelu", "train.layers: real has no option 'prelu'. It takes no options"),
    ],
)
def test_what_can_not_be_trained_is_refused_when_the_config_is_read(training_config, override, message):
    with pytest.raises(ConfigError, match=message):
        training_config(override)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"teacher/feature_hint": "gone"}, r"the candidate: train.terms.feature_hint.teacher: 'gone' is not known"),
        (
            {"teacher/anglar": "twin"},
            r"the candidate: train.terms.anglar: 'anglar' is not known. Did you mean 'angular'",
        ),
        ({"teacher/angular": "twin", "weight/angular": -1.0}, r"the candidate: train.terms.angular.weight"),
        ({"layer/backbone": "dbz"}, r"the candidate: train.layers: 'dbz' is not known"),
        ({"weight/angular": 1.0}, r"the candidate: weight/angular has no effect without teacher/angular"),
    ],
)
def test_a_candidate_that_can_not_be_trained_is_refused(training_config, choices, message):
    with pytest.raises(ConfigError, match=message):
        with_candidate(training_config(), Candidate(choices))


def test_a_teacher_of_another_shape_can_not_teach_layers(training_config):
    with pytest.raises(ConfigError, match=r"train.terms.angular.teacher: 'big' is a ssd_resnet34 of width 0.125"):
        training_config("teachers.big={detector: ssd_resnet34}", "train.terms={angular: {teacher: big}}")


def test_a_term_that_no_layer_can_feel_is_refused(training_config):
    with pytest.raises(ConfigError, match=r"train.terms.angular: has no effect: no layer of train.layers is 1-bit"):
        training_config("train.layers=real", "train.terms={angular: {}}")
    with pytest.raises(ConfigError, match=r"train.terms.amplitude: has no effect: .* is one with a learned scale"):
        training_config("train.layers=sign", "train.terms={amplitude: {}}")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_device_that_is_not_there_is_refused_before_anything_is_written(training_config, tmp_path):
    with pytest.raises(ConfigError, match=r"device: is 'cuda', but torch finds no GPU here"):
        run_train(training_config("device=cuda"), tmp_path / "run", None, SilentProgress())
    assert not (tmp_path / "run").exists()


def test_a_layer_that_is_not_there_is_refused_before_anything_is_written(training_config, tmp_path):
    with pytest.raises(ConfigError, match=r"train\.layers: The detector ssd_resnet18 has no layer called neck"):
        run_train(training_config("train.layers={neck: sign}"), tmp_path / "run", None, SilentProgress())
    with pytest.raises(ConfigError, match=r"train\.batch_size is 17, but train has 16 images"):
        run_train(training_config("train.batch_size=17"), tmp_path / "run", None, SilentProgress())


def test_without_images_to_score_on_one_network_trains_and_no_search_begins(training_config, tmp_path):
    alone = training_config("data.val=null", "train.terms={}", "train.epochs=1")
    found = run_train(alone, tmp_path / "run", None, SilentProgress())
    assert found.twin_test
    assert not (tmp_path / "run" / "teachers" / "twin.json").exists()
    with pytest.raises(ConfigError, match=r"data\.val is null, but a search scores"):
        run_search(alone, tmp_path / "search", None, SilentProgress())
    assert not (tmp_path / "search").exists()
