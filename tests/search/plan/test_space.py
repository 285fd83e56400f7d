"""From a config to the knobs of its space."""

import pytest

from search.config import ConfigError, load_config
from search.plan.detectors import student_spec
from search.plan.space import Choices, build_space, layer_choices


def choices_of(*overrides: str) -> Choices:
    """The choices of the demo with overrides, for five classes."""
    config = load_config("demo", overrides)
    return layer_choices(config.space, student_spec(config.student, config.data.image_size, 5))


@pytest.mark.parametrize(
    ("granularity", "count", "first"),
    [("layer", 16, "backbone.layer1.0.conv1"), ("block", 8, "backbone.layer1.0"), ("stage", 4, "backbone.layer1")],
)
def test_granularity_decides_how_many_units_share_a_knob(granularity, count, first):
    choices = choices_of(f"space.granularity={granularity}")
    assert len(choices) == count
    assert next(iter(choices)) == first
    assert set(choices.values()) == {("real", "sign", "bireal")}


@pytest.mark.parametrize(
    ("granularity", "others"),
    [
        ("layer", [*(f"fpn.p{n}.{unit}" for n in (2, 3, 4, 5) for unit in ("lateral", "output")), "rpn.head.conv"]),
        ("block", ["fpn.p2", "fpn.p3", "fpn.p4", "fpn.p5", "rpn.head"]),
        ("stage", ["fpn", "rpn"]),
    ],
)
def test_what_a_detector_has_beside_its_backbone_is_searched_too(granularity, others):
    choices = choices_of("student.detector=faster_rcnn_resnet18", f"space.granularity={granularity}")
    assert [prefix for prefix in choices if not prefix.startswith("backbone.")] == others


def test_a_term_brings_a_teacher_and_a_weight_knob():
    terms = load_config("demo").space.terms
    space = build_space(choices_of("space.granularity=stage"), terms)
    assert [knob.key for knob in space.knobs] == [
        *(f"layer/backbone.layer{stage}" for stage in (1, 2, 3, 4)),
        "teacher/feature_hint",
        "weight/feature_hint",
    ]


def test_a_unit_kept_real_inside_a_searched_block_gets_a_knob_with_one_choice():
    choices = choices_of("space.layers.keep_real=[backbone.layer1.0.conv1, backbone.layer2]")
    assert choices["backbone.layer1.0.conv1"] == ("real",)
    assert len(choices["backbone.layer1.0"]) == 3
    assert not any(prefix.startswith("backbone.layer2") for prefix in choices)


def test_keep_real_must_name_layers_that_exist_and_leave_some():
    with pytest.raises(
        ConfigError, match=r"keep_real names 'backbone.layer9', but no searchable layer of ssd_resnet18"
    ):
        choices_of("space.layers.keep_real=[backbone.layer9]")
    with pytest.raises(ConfigError, match="covers every searchable layer: nothing is left to search"):
        choices_of("space.layers.keep_real=[backbone]")


def test_what_is_real_by_default_gets_a_knob_for_each_convolution_that_is_opened():
    choices = choices_of("space.granularity=stage", "space.layers.open={stem: [real, int8], heads: [real, sign]}")
    assert list(choices)[:5] == [*(f"backbone.layer{stage}" for stage in (1, 2, 3, 4)), "backbone.conv1"]
    assert choices["backbone.conv1"] == ("real", "int8")
    heads = {f"{kind}_heads.{level}.2": ("real", "sign") for kind in ("cls", "box") for level in range(4)}
    assert dict(list(choices.items())[5:]) == heads


def test_a_part_that_a_detector_lacks_can_not_be_opened():
    with pytest.raises(ConfigError, match=r"space.layers.open.shortcuts: ssd_vgg11 has no shortcuts with weights"):
        choices_of("student.detector=ssd_vgg11", "space.layers.open={shortcuts: [real, int8]}")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("space.layers.open={roof: [real]}", "roof"),
        ("space.layers.open={stem: [binary]}", r"space.layers.open.stem: 'binary' is not known"),
        ("space.layers.open={stem: []}", "must have one entry or more"),
        ("supernet.search_losses={fgfi: 1.0}", r"supernet.search_losses.fgfi: .*compares layers"),
        ("supernet.search_losses={angular: 0}", "supernet.search_losses.angular"),
    ],
)
def test_what_can_not_be_opened_or_searched_on_is_refused(override, message):
    with pytest.raises(ConfigError, match=message):
        load_config("demo", [override])


def test_a_detector_with_units_beyond_its_backbone_has_knobs_for_them():
    choices = choices_of("student.detector=gfl_resnet18", "space.granularity=stage")
    assert list(choices) == [*(f"backbone.layer{stage}" for stage in (1, 2, 3, 4)), "fpn", "towers"]
    blocks = list(choices_of("student.detector=gfl_resnet18", "space.granularity=block"))[8:]
    assert blocks == [*(f"fpn.p{level}" for level in range(3, 8)), "towers.cls", "towers.box"]
