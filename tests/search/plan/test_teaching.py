"""Teachers that can't teach what a config asks of them."""

from functools import partial
from typing import get_args

import pytest

from search.config import ConfigError, schema
from search.plan.plan import plan_search, plan_training
from search.plan.teaching import check_ensemble
from search.stages.search import run_search
from spaces.candidate import ALL_REAL
from spaces.detectors import DetectorSpec
from spaces.supernet import build_fixed
from trainers.data.shapes.writer import SHAPE_CLASSES
from trainers.detector_file import save_detector
from trainers.distill.ensemble import MODES


@pytest.fixture
def config(tiny_config):
    others = {
        "wide": {"width": 0.25},
        "deep": {"detector": "ssd_resnet34"},
        "dense": {"detector": "gfl_resnet18_plain"},
    }
    teachers = {name: {"batch_size": 8, **section} for name, section in {"twin": {}, **others}.items()}
    return partial(tiny_config, teachers=teachers)


def planned(config):
    return plan_search(config, None)


def taught(term, *teachers):
    return f"space.terms={{{term}: {{teachers: [{', '.join(teachers)}]}}}}"


@pytest.mark.parametrize("term", ["feature_hint", "joint_features", "adversarial", "joint_cls", "response_loc"])
def test_teachers_of_the_family_fit(config, term):
    pool = ("none", "twin", "wide", "deep", "ensemble")
    plan = planned(config(taught(term, *pool), "ensemble.members=[twin, wide, deep]"))
    assert next(knob for knob in plan.space.knobs if knob.key == f"teacher/{term}").choices == pool


@pytest.mark.parametrize("term", ["joint_cls", "joint_box", "response_cls", "response_loc"])
def test_responses_of_other_anchors_are_refused_with_the_reason(config, term):
    message = (
        rf"space.terms.{term}.teachers: 'dense' can't teach it\. The teacher's responses don't fit the student's: "
    )
    with pytest.raises(ConfigError, match=message):
        planned(config(taught(term, "dense")))
    with pytest.raises(ConfigError, match=rf"train.terms.{term}.teacher: 'ensemble' can't teach it"):
        planned(config(f"train.terms={{{term}: {{teacher: ensemble}}}}"))


def test_a_two_stage_student_has_no_quality_to_teach(config):
    with pytest.raises(ConfigError, match=r"space.terms.response_quality.teachers: 'twin' can't teach it"):
        planned(config("student.detector=faster_rcnn_resnet18", taught("response_quality", "twin")))


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
        planned(config(taught(term, "ensemble"), f"ensemble={{mode: {mode}, members: [twin, wide]}}"))


HEADS = ("teachers.full={heads: full, width: 0.125}", "space.layers.methods=[real, sign]")
OPEN = "space.layers.open={heads: [real, sign]}"


def test_a_layer_term_needs_a_teacher_with_all_that_is_opened(config):
    angular, reason = taught("angular", "none", "full"), r"it has no unit cls_heads\.0\.0"
    planned(config(*HEADS, angular))
    planned(config(*HEADS, OPEN, taught("angular", "none", "twin")))
    with pytest.raises(ConfigError, match=rf"space\.terms\.angular\.teachers: 'full' can't teach it\. .*{reason}"):
        planned(config(*HEADS, OPEN, angular))


@pytest.mark.parametrize("plan", [plan_search, plan_training])
def test_so_does_the_network_that_is_trained_alone(config, plan):
    planned, term = partial(plan, data_root=None), "train.terms={angular: {teacher: full}}"
    planned(config(*HEADS, "train.layers=sign", term))
    with pytest.raises(ConfigError, match=r"train\.terms\.angular\.teacher: 'full' can't teach it\. .*cls_heads\.0\.2"):
        planned(config(*HEADS, "train.layers={backbone: sign, cls_heads.0.2: sign}", term))
    with pytest.raises(ConfigError, match=r"train\.layers: The detector ssd_resnet18 has no layer called neck"):
        planned(config(*HEADS, "train.layers={neck: sign}", term))


def test_a_given_teacher_is_what_its_file_says(config, tmp_path):
    for heads in ("light", "full"):
        spec = DetectorSpec(
            detector="ssd_resnet18", num_classes=len(SHAPE_CLASSES), image_size=96, width=0.125, heads=heads
        )
        save_detector(tmp_path / f"{heads}.safetensors", build_fixed(spec, ALL_REAL), spec, ALL_REAL, SHAPE_CLASSES)
    asked = (OPEN, taught("angular", "twin", "same"))
    planned(config(*asked, f"teachers.same={{weights: {tmp_path}/light.safetensors}}"))
    with pytest.raises(ConfigError, match=r"space\.terms\.angular\.teachers: 'same' can't teach it"):
        planned(config(*asked, f"teachers.same={{weights: {tmp_path}/full.safetensors}}"))


@pytest.mark.parametrize(
    ("section", "terms"),
    [("{members: [wide, deep]}", taught("feature_hint", "wide")), ("{mode: random_teacher}", "space.terms={}")],
)
def test_a_search_has_no_ensemble_that_no_term_means(config, tmp_path, section, terms):
    overrides = [f"ensemble={section}", terms]
    with pytest.raises(
        ConfigError, match=r"ensemble: is given, but has no effect: no term of space\.terms is taught by"
    ):
        run_search(config(*overrides), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    for allowed in (
        config(*overrides, "train.terms={feature_hint: {teacher: ensemble}}"),
        config(overrides[0], taught("feature_hint", "none", "ensemble")),
        config("ensemble={mode: sum_losses}"),  # the default, which has no effect either
    ):
        check_ensemble(allowed.ensemble, allowed.space.terms, allowed.train.terms)


def test_a_search_needs_the_teachers_that_its_terms_name_and_the_twin(config):
    def needed(*overrides):
        return planned(config(*overrides)).base.needed

    beside = "train.terms={feature_hint: {teacher: ensemble}}"
    assert needed() == {"twin"}
    assert needed(taught("feature_hint", "none", "wide"), "ensemble.members=[deep, dense]", beside) == {"twin", "wide"}
    by_ensemble = taught("feature_hint", "ensemble")
    assert needed(by_ensemble, "ensemble.members=[deep, wide]") == {"twin", "deep", "wide"}
    assert needed(by_ensemble) == {"twin", "wide", "deep", "dense"}


def test_an_ensemble_is_the_whole_pool_unless_its_members_are_named(config):
    beside = "train.terms={feature_hint: {teacher: ensemble}}"
    assert planned(config()).base.ensemble.members == ("twin", "wide", "deep", "dense")
    assert planned(config("ensemble.members=[deep, wide]", beside)).base.ensemble.members == ("deep", "wide")
    with pytest.raises(ConfigError, match=r"ensemble.members: 'huge' is not known"):
        config("ensemble.members=[huge]")
    with pytest.raises(ConfigError, match=r"ensemble.members: must be two or more where a term is taught by"):
        config(taught("feature_hint", "ensemble"), "ensemble.members=[deep]")
    with pytest.raises(
        ConfigError, match=r"space.terms.angular.teachers: 'ensemble' can't teach it: .* instead: twin\."
    ):
        config(taught("angular", "ensemble"))


def test_the_config_knows_the_modes_that_ensembles_have():
    assert get_args(schema.Ensemble.model_fields["mode"].annotation) == MODES
