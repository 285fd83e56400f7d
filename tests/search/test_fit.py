"""Teachers that can't teach what a config asks of them."""

from typing import get_args

import pytest

from search import schema
from search.config import ConfigError, load_config
from search.fit import check_fit, ensemble_of
from trainers.distill.ensemble import MODES

CONFIG = """
name: taught
data: {format: shapes, image_size: 96}
student: {detector: ssd_resnet18, width: 0.125}
teachers:
  wide: {width: 0.25}
  deep: {detector: ssd_resnet34, width: 0.125}
  dense: {detector: gfl_resnet18_plain, width: 0.125}
"""


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "taught.yaml"
    file.write_text(CONFIG)
    return lambda *overrides: load_config(file, list(overrides))


def taught(term, *teachers):
    return f"space.terms={{{term}: {{teachers: [{', '.join(teachers)}]}}}}"


@pytest.mark.parametrize("term", ["feature_hint", "joint_features", "adversarial", "joint_cls", "response_loc"])
def test_teachers_of_the_family_fit(config, term):
    check_fit(config(taught(term, "none", "twin", "wide", "deep", "ensemble"), "ensemble.members=[twin, wide, deep]"))


@pytest.mark.parametrize("term", ["joint_cls", "joint_box", "response_cls", "response_loc"])
def test_responses_of_other_anchors_are_refused_with_the_reason(config, term):
    message = (
        rf"space.terms.{term}.teachers: 'dense' can't teach it\. The teacher's responses don't fit the student's: "
    )
    with pytest.raises(ConfigError, match=message):
        check_fit(config(taught(term, "dense")))
    with pytest.raises(ConfigError, match=rf"train.terms.{term}.teacher: 'ensemble' can't teach it"):
        check_fit(config(f"train.terms={{{term}: {{teacher: ensemble}}}}"))


def test_a_two_stage_student_has_no_quality_to_teach(config):
    with pytest.raises(ConfigError, match=r"space.terms.response_quality.teachers: 'twin' can't teach it"):
        check_fit(config("student.detector=faster_rcnn_resnet18", taught("response_quality", "twin")))


@pytest.mark.parametrize(
    ("mode", "term", "message"),
    [
        ("average_features", "feature_hint", "Level p2 of its members has 8, 16 channels"),
        ("average_features", "joint_cls", "joint_cls reads responses, but average_features averages features"),
        ("average_responses", "adversarial", "adversarial reads features, but average_responses averages responses"),
    ],
)
def test_an_average_that_can_not_be_made_is_refused(config, mode, term, message):
    with pytest.raises(ConfigError, match=message):
        check_fit(config(taught(term, "ensemble"), f"ensemble={{mode: {mode}, members: [twin, wide]}}"))


def test_an_ensemble_is_the_whole_pool_unless_its_members_are_named(config):
    assert ensemble_of(config()).members == ("twin", "wide", "deep", "dense")
    assert ensemble_of(config("ensemble.members=[deep]")).members == ("deep",)
    with pytest.raises(ConfigError, match=r"ensemble.members: 'huge' is not known"):
        config("ensemble.members=[huge]")
    with pytest.raises(ConfigError, match=r"ensemble.members: must be two or more where a term is taught by"):
        config(taught("feature_hint", "ensemble"), "ensemble.members=[deep]")
    with pytest.raises(ConfigError, match=r"space.terms.angular.teachers: 'ensemble' is not known"):
        config(taught("angular", "ensemble"))


def test_the_config_knows_the_modes_that_ensembles_have():
    assert get_args(schema.Ensemble.model_fields["mode"].annotation) == MODES
